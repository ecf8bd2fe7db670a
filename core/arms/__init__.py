"""Arms: what the configuration says of them, and those made from the teacher without distillation."""
