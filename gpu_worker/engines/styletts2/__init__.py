"""StyleTTS2: an English voice from a few seconds of samples, spoken sentence by sentence."""
