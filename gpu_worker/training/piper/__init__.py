"""Piper's own training as a child program, repaired. Piper is GPL; only this child imports it."""
