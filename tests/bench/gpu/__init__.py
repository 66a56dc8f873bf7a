"""XTTS as it is published beside ours: the same random weights, the same texts, one run."""
