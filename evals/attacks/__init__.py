"""Ways to bring back what a model seems to have forgotten."""
