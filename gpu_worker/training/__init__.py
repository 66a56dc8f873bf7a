"""Training: from a data set to a voice of its own, each in a child process; plain Python."""
