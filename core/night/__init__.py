"""Nights: what a core learns of a day, what goes to the store instead, and what it rehearses meanwhile."""
