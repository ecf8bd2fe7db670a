"""Arms: the stages that make models (teach, cache, distill), and those made without distillation."""
