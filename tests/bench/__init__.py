"""Measurements of Voicemill beside its peers: `python -m tests.bench`, or `make bench`."""
