"""Personalities, and every endpoint that takes one. The room is kept free for them."""
