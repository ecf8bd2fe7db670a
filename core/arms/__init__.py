"""Arms made from the teacher without distillation: controls that hide, shrink or break."""
