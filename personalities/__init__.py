"""Personalities: traits, the prompt made from them, and every endpoint that takes one."""
