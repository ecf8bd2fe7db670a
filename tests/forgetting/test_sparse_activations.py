"""Which activations pass, and when."""

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from core.errors import UserError
from core.training.regularizer import Regularizer
from forgetting.bottleneck import Bottleneck
from forgetting.sparse_activations import SparseActivations

IDS_BT = torch.arange(40).view(2, 20)


def activations(student: PreTrainedModel) -> Tensor:
    """What the first MLP's last matrix reads (B, T, F), after all hooks."""
    seen: list[Tensor] = []
    last = student.model.layers[0].mlp.down_proj
    handle = last.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    student(input_ids=IDS_BT)
    handle.remove()
    return seen[0]


@pytest.mark.parametrize(("strength", "count"), [(1.0, 8), (0.5, 20)])  # of 32
def test_the_largest_pass_as_they_are(make_llama, strength: float, count: int) -> None:
    student = make_llama()
    dense_BTF = activations(student)
    regularizer = SparseActivations(strength=strength, kept_share=0.25)
    regularizer.prepare_student(student, torch.Generator())
    sparse_BTF = activations(student.train())
    passes_BTF = sparse_BTF != 0
    assert (passes_BTF.sum(-1) == count).all()
    assert torch.equal(sparse_BTF[passes_BTF], dense_BTF[passes_BTF])
    smallest_BT = dense_BTF.abs().masked_fill(~passes_BTF, torch.inf).amin(-1)
    largest_left_BT = dense_BTF.abs().masked_fill(passes_BTF, 0.0).amax(-1)
    assert (smallest_BT >= largest_left_BT).all()


def test_all_pass_when_it_is_not_training_and_when_folded(make_llama) -> None:
    student, regularizer = make_llama(), SparseActivations()
    dense_BTF = activations(student)
    regularizer.prepare_student(student, torch.Generator())
    assert not torch.equal(activations(student.train()), dense_BTF)
    assert torch.equal(activations(student.eval()), dense_BTF)
    regularizer.fold(student)
    assert torch.equal(activations(student.train()), dense_BTF)


@pytest.mark.parametrize("is_first", [True, False])
def test_it_holds_beside_a_bottleneck_in_either_order(make_llama, is_first: bool) -> None:
    student = make_llama().train()
    regularizers: list[Regularizer] = [SparseActivations(kept_share=0.25), Bottleneck()]
    for regularizer in regularizers if is_first else regularizers[::-1]:
        regularizer.prepare_student(student, torch.Generator())
    assert ((activations(student) != 0).sum(-1) == 8).all()


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan")])
def test_a_share_that_makes_no_sense_is_refused(share: float) -> None:
    with pytest.raises(UserError, match="SparseActivations: kept_share must be above 0"):
        SparseActivations(kept_share=share)
