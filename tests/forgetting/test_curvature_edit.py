"""The curvature edit as a start: what it is measured on, and what it spares."""

import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerFast

from core.models.curvature import mlp_matrices
from core.worlds.exercises import Arithmetic
from forgetting.curvature_edit import CurvatureEdit


def test_protected_text_takes_less_away(
    make_llama, sequences: Dataset, toy_tokenizer: PreTrainedTokenizerFast
) -> None:
    def taken(**options: object) -> float:
        """How much of the matrices is gone, in squares."""
        student = make_llama()
        edit = CurvatureEdit(strength=0.1, num_sequences=4, **options)
        edit.read_corpus(sequences, toy_tokenizer)
        edit.prepare_student(student, torch.Generator().manual_seed(0))
        before = mlp_matrices(make_llama())
        pairs = [(before[name].weight, m.weight) for name, m in mlp_matrices(student).items()]
        return sum((a - b).detach().square().sum().item() for a, b in pairs)

    spared = taken(protected=Arithmetic(num_items=20))
    assert 0 < spared < 0.95 * taken()
