"""The noise after each layer, and its price."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from transformers import PreTrainedModel

from core.errors import UserError
from core.signal.signal import TeacherSignal
from core.training.regularizer import Regularizer
from forgetting.information_bottleneck import InformationBottleneck

IDS_BT = torch.arange(300).repeat(4).view(4, 300)
BATCH = {"input_ids": IDS_BT}


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def prepared(student: PreTrainedModel, seed: int = 0, **options: float) -> InformationBottleneck:
    regularizer = InformationBottleneck(**options)
    regularizer.prepare_student(student, generator(0))
    assert regularizer.edit_batch(BATCH, None, generator(seed)) is BATCH
    return regularizer


def outputs(student: PreTrainedModel) -> list[Tensor]:
    """What each layer hands on (B, T, D)."""
    seen: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda _, args, output: seen.append(output.detach()))
        for layer in student.model.layers
    ]
    student(input_ids=IDS_BT)
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_noise_is_relative_to_each_channel(make_llama, strength: float) -> None:
    student = make_llama()
    prepared(student, strength=strength, initial_noise=0.2)
    clean, noisy = outputs(student.eval())[0], outputs(student.train())[0]
    ratio_D = (noisy - clean).std((0, 1)) / clean.std((0, 1))
    expected_D = torch.full((16,), 0.2 * strength)
    torch.testing.assert_close(ratio_D, expected_D, rtol=0.08, atol=0)  # 1,200 draws a channel


def test_it_differs_by_step_and_layer_and_repeats_with_the_steps_generator(make_llama) -> None:
    student = make_llama().train()
    for layer in student.model.layers:
        layer.forward = lambda hidden_states, **_: IDS_BT[..., None].expand_as(hidden_states) * 1.0
    regularizer = prepared(student)
    first = outputs(student)
    torch.manual_seed(5)  # whatever the global state is
    assert all(map(torch.equal, outputs(student), first)), "a pass computed again is the same"
    assert not torch.equal(*first)
    regularizer.edit_batch(BATCH, None, generator(1))
    assert not torch.equal(outputs(student)[0], first[0])
    regularizer.edit_batch(BATCH, None, generator(0))
    assert torch.equal(outputs(student)[0], first[0])


def test_the_price_is_the_mean_divergence_from_the_gaussian_of_all_tokens(make_llama) -> None:
    student = make_llama()
    regularizer = prepared(student, strength=0.5, beta=0.3)
    hidden_ND = torch.randn(500, 16, dtype=torch.float64) ** 2  # of any distribution
    rates = []
    for layer in student.model.layers:
        torch.nn.init.normal_(layer.log_noise)
        mean_D, spread_D = hidden_ND.mean(0), hidden_ND.std(0, correction=0)
        noise_D = layer.log_noise.detach().double().exp() * spread_D
        marginal = Normal(mean_D, (spread_D**2 + noise_D**2).sqrt())
        rates.append(kl_divergence(Normal(hidden_ND, noise_D), marginal).sum(-1).mean())
    weight_N = torch.tensor([0.0, 1.0, 2.5])
    price_N = regularizer.penalty(TeacherSignal(None, weight_N, weight_N))
    expected_N = 0.5 * 0.3 * sum(rates) / 2 * weight_N.double()
    torch.testing.assert_close(price_N.double(), expected_N, rtol=1e-5, atol=0)


def test_a_price_makes_the_student_take_more_noise(make_llama, fit) -> None:
    def learned(beta: float) -> Tensor:
        student = make_llama()
        regularizer = prepared(student, beta=beta)
        weights = fit(student, num_steps=8, regularizers=[regularizer])
        return torch.stack([w for name, w in weights.items() if "log_noise" in name])

    free_LD, priced_LD = learned(0.0), learned(10.0)
    assert (priced_LD > math.log(0.1)).all()
    assert (priced_LD > free_LD).all()


def test_nothing_of_it_is_left(make_llama) -> None:
    student, stock = make_llama(), make_llama()
    regularizer: Regularizer = prepared(student)
    regularizer.fold(student)
    assert list(student.state_dict()) == list(stock.state_dict())
    assert all(map(torch.equal, outputs(student.train()), outputs(stock.train())))


def test_values_that_make_no_sense_are_refused() -> None:
    for value in (-1.0, float("nan")):
        with pytest.raises(UserError, match="InformationBottleneck: beta must be 0 or more"):
            InformationBottleneck(beta=value)
        with pytest.raises(UserError, match="InformationBottleneck: initial_noise must be above 0"):
            InformationBottleneck(initial_noise=value)
