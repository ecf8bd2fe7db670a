"""What a model is asked: the rows of a probe file."""
