"""The MLPs' matrices: of low rank all the time, factors in training, stock layers at the end."""

import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from core.errors import UserError
from forgetting.bottleneck import Bottleneck

PROJECTIONS = ("gate_proj", "up_proj", "down_proj")
IDS_BT = torch.arange(20).view(2, 10)


def prepared(student: PreTrainedModel, **options: float) -> Bottleneck:
    regularizer = Bottleneck(**options)
    regularizer.prepare_student(student, torch.Generator())
    return regularizer


def matrices(student: PreTrainedModel) -> list[Tensor]:
    return [
        getattr(layer.mlp, name).weight.detach()
        for layer in student.model.layers
        for name in PROJECTIONS
    ]


@pytest.mark.parametrize(("strength", "rank"), [(1.0, 4), (0.5, 10)])  # of 16
def test_the_rank_is_as_told_after_training(make_llama, fit, strength: float, rank: int) -> None:
    student, plain = make_llama(), make_llama()
    regularizer = prepared(student, strength=strength, rank_ratio=0.25)
    fit(student, regularizers=[regularizer])
    fit(plain)
    regularizer.fold(student)
    for low, full in zip(matrices(student), matrices(plain), strict=True):
        assert torch.linalg.matrix_rank(low, rtol=1e-4) == rank
        assert torch.linalg.matrix_rank(full, rtol=1e-4) == 16
    for layer in student.model.layers:
        assert torch.linalg.matrix_rank(layer.self_attn.q_proj.weight, rtol=1e-4) == 16


def test_the_start_is_the_best_approximation_of_its_rank(make_llama) -> None:
    student = make_llama()
    before = matrices(student)
    prepared(student, strength=1.0).fold(student)
    for old, new in zip(before, matrices(student), strict=True):
        smallest_possible = torch.linalg.svdvals(old)[4:].norm()
        torch.testing.assert_close((new - old).norm(), smallest_possible)


def test_there_are_fewer_weights_to_train_and_the_factors_are_balanced(make_llama) -> None:
    student = make_llama()
    prepared(student, rank_ratio=0.25)
    sizes = {n: w for n, w in student.named_parameters() if "mlp" in n}
    assert sum(weight.numel() for weight in sizes.values()) == 2 * 3 * 4 * (16 + 32)
    layer = student.model.layers[0].mlp.up_proj
    torch.testing.assert_close(layer.input_factor.norm(), layer.output_factor.norm())


def test_folding_changes_no_output_and_gives_back_stock_layers(make_llama) -> None:
    student = make_llama(mlp_bias=True)
    names = list(student.state_dict())
    for layer in student.model.layers:
        nn.init.normal_(layer.mlp.up_proj.bias)
    regularizer = prepared(student)
    before = student(input_ids=IDS_BT).logits
    regularizer.fold(student)
    torch.testing.assert_close(student(input_ids=IDS_BT).logits, before)
    assert list(student.state_dict()) == names
    for layer in student.model.layers:
        for name in PROJECTIONS:
            linear = getattr(layer.mlp, name)
            assert type(linear) is nn.Linear and not hasattr(linear, "input_factor")


def test_what_stays_of_full_rank_stays_as_it_is(make_llama) -> None:
    student, stock = make_llama(), make_llama()
    prepared(student, strength=0.01)
    assert all(map(torch.equal, matrices(student), matrices(stock)))


@pytest.mark.parametrize("ratio", [0.0, 1.0, -0.5, float("nan")])
def test_a_ratio_that_makes_no_sense_is_refused(ratio: float) -> None:
    with pytest.raises(UserError, match="Bottleneck: rank_ratio must lie between 0 and 1"):
        Bottleneck(rank_ratio=ratio)
