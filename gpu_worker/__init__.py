"""Engines of cards: XTTS in one batch, StyleTTS2 a sentence at a time. Doors for Celery."""
