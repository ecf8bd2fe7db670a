"""Tasks for lm-evaluation-harness: `lm-eval run --include_path evals/tasks --tasks winnow …`."""
