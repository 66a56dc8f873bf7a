"""XTTS v2: clones from a few seconds, speaks seventeen languages, many utterances at once."""
