"""A student in which a regularizer doesn't find what it changes is refused in one line."""

import pytest
import torch
from transformers import GPT2Config, PreTrainedModel

from core.errors import UserError
from core.models.loading import new_model
from core.training.regularizer import Regularizer
from forgetting.bottleneck import Bottleneck
from forgetting.information_bottleneck import InformationBottleneck
from forgetting.memory_sink import MemorySink
from forgetting.modules import layers, linears, mlps
from forgetting.sparse_activations import SparseActivations


@pytest.fixture(scope="module")
def gpt2() -> PreTrainedModel:
    """Its MLPs are made of something else than linear layers, and its layers have another name."""
    return new_model(GPT2Config(vocab_size=50, n_positions=8, n_embd=8, n_layer=1, n_head=1), 0)


@pytest.mark.parametrize("kind", [Bottleneck, SparseActivations, MemorySink, InformationBottleneck])
def test_a_student_that_lacks_them_is_refused(gpt2: PreTrainedModel, kind: type) -> None:
    regularizer: Regularizer = kind()
    with pytest.raises(UserError, match=f"^{kind.__name__}: GPT2LMHeadModel has no"):
        regularizer.prepare_student(gpt2, torch.Generator())
    kind(strength=0.0).prepare_student(gpt2, torch.Generator())  # which needs nothing


def test_they_are_found_in_order(make_llama) -> None:
    student = make_llama(num_hidden_layers=3)
    assert layers(student, "X") == list(student.model.layers)
    assert mlps(student, "X") == [layer.mlp for layer in student.model.layers]
    mlp = student.model.layers[0].mlp
    assert linears(mlp) == [mlp.gate_proj, mlp.up_proj, mlp.down_proj]
