"""What Voicemill is measured beside. Each *.txt here is an environment of its own."""
