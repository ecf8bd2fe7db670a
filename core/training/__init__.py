"""Training: the step, the loop around it, and the hooks through which forgetting enters."""
