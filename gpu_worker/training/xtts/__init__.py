"""XTTS learns one voice: its own trainer's losses, in a loop that stops and goes on at a step."""
