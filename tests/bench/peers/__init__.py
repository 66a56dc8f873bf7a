"""What Voicemill is measured beside. Each runs in an environment of its own: see the *.txt files."""
