"""The engine: corpus, teacher, student, distillation. Imports nothing of forgetting/ or evals/."""
