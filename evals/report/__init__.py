"""Scores as a console table, a picture and a page."""
