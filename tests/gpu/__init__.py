"""The engines of cards, with small random models of the real make."""
