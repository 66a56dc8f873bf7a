"""Many voices at once on one card: slots that share each step of one decoder. Knows no Django."""
