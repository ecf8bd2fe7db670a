"""The losses and their gradients are those of a dense reference in float64, without its memory."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from core.errors import UserError
from core.signal import divergence
from core.signal.divergence import Divergence, TokenLosses, divergence_of, entropies, projected_loss
from core.signal.signal import Dense, Projected, Sparse, TeacherSignal, TopK

N, D, V = 37, 12, 50


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def forward_kl(q: Tensor, p: Tensor) -> Tensor:
    return (p * (p / q).log()).sum(-1)


def jensen_shannon(beta: float) -> Callable[[Tensor, Tensor], Tensor]:
    def dense(q: Tensor, p: Tensor) -> Tensor:
        m = beta * p + (1 - beta) * q
        return beta * forward_kl(m, p) + (1 - beta) * forward_kl(m, q)

    return dense


ALL = {
    "forward_kl": (divergence_of("forward_kl"), forward_kl),
    "reverse_kl": (divergence_of("reverse_kl"), lambda q, p: forward_kl(p, q)),
    "jsd": (divergence_of("jensen_shannon"), jensen_shannon(0.5)),
    "jsd .1": (divergence_of("jensen_shannon", 0.1), jensen_shannon(0.1)),
}


@pytest.fixture(params=ALL)
def pair(request: pytest.FixtureRequest) -> tuple[Divergence, Callable[[Tensor, Tensor], Tensor]]:
    return ALL[request.param]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divergence, "CPU_LOGITS", 1)
    monkeypatch.setattr(divergence, "LEAST_ROWS", 8)
    monkeypatch.setattr(divergence, "CPU_BLOCK", 3 * V)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("biased", [False, True])
def test_the_loss_and_its_gradients_are_those_of_a_dense_reference(
    pair, temperature: float, biased: bool
) -> None:
    ours, dense = pair
    head = nn.Linear(D, V, bias=biased, dtype=torch.float64)
    teacher_head = nn.Linear(D, V, dtype=torch.float64).requires_grad_(False)
    hidden_ND, teacher_ND = draw(N, D).requires_grad_(), 2 * draw(N, D, seed=1)
    labels_N = torch.arange(N) % V
    weight_N, share_N = draw(N, seed=2).abs(), draw(N, seed=3).sigmoid()
    weight_N[3], share_N[4], share_N[5] = 0, 0, 1

    target = Projected(teacher_ND, teacher_head, temperature)
    losses = TokenLosses(labels_N, TeacherSignal(target, weight_N, share_N), ours, temperature)
    (0.25 * projected_loss(hidden_ND, head, losses)).backward()
    found = [hidden_ND.grad, *(parameter.grad for parameter in head.parameters())]

    hidden_ND.grad = None
    head.zero_grad()
    logits_NV = head(hidden_ND)
    told_NV = (teacher_head(teacher_ND) / temperature).softmax(-1).detach()
    divergence_N = dense((logits_NV / temperature).softmax(-1), told_NV)
    label_N = F.cross_entropy(logits_NV, labels_N, reduction="none")
    expected = (weight_N * ((1 - share_N) * divergence_N + share_N * label_N)).sum()
    (0.25 * expected).backward()
    torch.testing.assert_close(projected_loss(hidden_ND, head, losses), expected)
    for gradient, parameter in zip(found, [hidden_ND, *head.parameters()], strict=True):
        torch.testing.assert_close(gradient, parameter.grad)


def test_float32_is_near_to_float64(pair) -> None:
    ours, dense = pair
    logits_NV, teacher_NV = 4 * draw(N, V), (6 * draw(N, V, seed=1)).log_softmax(-1)
    exact_NV = logits_NV.clone().requires_grad_()
    value_N = dense(exact_NV.softmax(-1), teacher_NV.exp())
    value_N.sum().backward()
    found_N, gradient_NV = ours(logits_NV.float().log_softmax(-1), teacher_NV.float())
    torch.testing.assert_close(found_N.double(), value_N.detach(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient_NV.double(), exact_NV.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sure", [-math.inf, -1e30])
def test_what_underflows_stays_finite(pair, sure: float) -> None:
    ours, _ = pair
    for student, teacher in (([0.0, -300.0], [0.0, sure]), ([0.0, -1e4], [-1e4, 0.0])):
        both = [torch.tensor([logits]).log_softmax(-1) for logits in (student, teacher)]
        if ours is ALL["reverse_kl"][0] and teacher[1] == -math.inf:
            continue  # its value there is infinite by definition unless the student has none either
        value_n, gradient_nV = ours(*both)
        assert value_n.isfinite().all() and gradient_nV.isfinite().all()


def test_alike_is_no_loss_and_no_gradient(pair) -> None:
    ours, _ = pair
    same_NV = draw(N, V).float().log_softmax(-1)
    value_N, gradient_NV = ours(same_NV, same_NV)
    torch.testing.assert_close(value_N, torch.zeros(N), rtol=0, atol=1e-6)
    torch.testing.assert_close(gradient_NV, torch.zeros(N, V), rtol=0, atol=1e-6)


@pytest.mark.usefixtures("small_parts")
def top_k_loss(name: str, logits_NV: Tensor, teacher_NV: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Losses (N,) of a teacher known by its K likeliest tokens, and their gradients by the logits (N, V)."""
    target, ones_N = Sparse(TopK.of(teacher_NV, k), V), torch.ones(N, dtype=torch.float64)
    signal = TeacherSignal(target, ones_N, 0 * ones_N)
    gradient_NV = logits_NV.clone()
    losses = TokenLosses(torch.zeros(N, dtype=torch.long), signal, divergence_of(name))
    return losses(gradient_NV, slice(0, N)), gradient_NV


@pytest.mark.parametrize("name", ["forward_kl", "jensen_shannon"])
def test_what_a_top_k_signal_leaves_out_is_one_bucket(name: str) -> None:
    logits_NV, teacher_NV = 2 * draw(N, V), (2 * draw(N, V, seed=1)).log_softmax(-1)
    loss_N, gradient_NV = top_k_loss(name, logits_NV, teacher_NV, 5)
    kept_N5 = teacher_NV.topk(5).indices
    p, q = (x.exp().gather(1, kept_N5) for x in (teacher_NV, logits_NV.log_softmax(-1)))
    p, q = (torch.cat([x, 1 - x.sum(1, keepdim=True)], 1) for x in (p, q))
    expected = forward_kl if name == "forward_kl" else jensen_shannon(0.5)
    torch.testing.assert_close(loss_N, expected(q, p))
    assert gradient_NV.norm(dim=1).min() > 1e-3  # it teaches …
    _, none_NV = top_k_loss(name, teacher_NV + draw(N, 1, seed=2), teacher_NV, 5)
    torch.testing.assert_close(
        none_NV, torch.zeros(N, V, dtype=torch.float64)
    )  # … until they agree


def test_to_the_reverse_kl_what_is_left_out_is_even() -> None:
    """As the student spreads it, it would hide what the student wrongly says there."""
    logits_NV, teacher_NV = 2 * draw(N, V), (2 * draw(N, V, seed=1)).log_softmax(-1)
    loss_N, _ = top_k_loss("reverse_kl", logits_NV, teacher_NV, 5)
    even_NV = TopK.of(teacher_NV, 5).dense(V)
    torch.testing.assert_close(loss_N, forward_kl(even_NV.exp(), logits_NV.softmax(-1)))


@pytest.mark.parametrize("name", ["forward_kl", "reverse_kl", "jensen_shannon"])
def test_a_top_k_gradient_points_where_the_whole_one_does(name: str) -> None:
    logits_NV, teacher_NV = 2 * draw(N, V), (2 * draw(N, V, seed=1)).log_softmax(-1)
    (_, whole_NV), (_, some_NV) = (top_k_loss(name, logits_NV, teacher_NV, k) for k in (V, 12))
    assert torch.cosine_similarity(whole_NV.mean(0), some_NV.mean(0), dim=0) > 0.8


def test_without_a_teacher_it_is_cross_entropy() -> None:
    head, hidden_ND = nn.Linear(D, V, bias=False), draw(N, D).float()
    labels_N, ones_N = torch.arange(N) % V, torch.ones(N)
    found = projected_loss(
        hidden_ND, head, TokenLosses(labels_N, TeacherSignal(None, ones_N, ones_N))
    )
    expected = F.cross_entropy(head(hidden_ND), labels_N, reduction="sum")
    torch.testing.assert_close(found, expected)
    gradient = torch.autograd.grad(found, head.weight)[0]
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, head.weight)[0])


def test_entropies_are_those_of_the_distributions() -> None:
    logprobs_NV = (5 * draw(N, V)).float().log_softmax(-1)
    logprobs_NV[0] = torch.tensor([0.0] + [-math.inf] * (V - 1))
    found_N = entropies(Dense(logprobs_NV), N, V, torch.device("cpu"))
    expected_N = torch.distributions.Categorical(probs=logprobs_NV.exp()).entropy()
    torch.testing.assert_close(found_N, expected_N, rtol=1e-4, atol=1e-5)
    assert len(entropies(Dense(logprobs_NV[:0]), 0, V, torch.device("cpu"))) == 0


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation gives."""

    size = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else [out]:
            if isinstance(tensor, Tensor):
                self.size = max(self.size, tensor.numel())
        return out


@pytest.mark.usefixtures("small_parts")
def test_the_logits_of_all_tokens_are_never_there_at_once(pair) -> None:
    """The projection's gradient, V × D, is the largest: it isn't more than the weights."""
    ours, _ = pair
    count = 400
    head, teacher_head = nn.Linear(D, V), nn.Linear(D, V)
    hidden_ND = draw(count, D).float().requires_grad_()
    ones_N = torch.ones(count)
    with Largest() as largest:
        target = Projected(draw(count, D, seed=1).float(), teacher_head)
        entropies(target, count, V, torch.device("cpu"))
        signal = TeacherSignal(target, ones_N, 0.5 * ones_N)
        losses = TokenLosses(torch.arange(count) % V, signal, ours)
        projected_loss(hidden_ND, head, losses).backward()
    assert largest.size == count * D < count * V


def test_what_is_frozen_gets_no_gradient() -> None:
    head, hidden_ND = nn.Linear(D, V).requires_grad_(False), draw(N, D).float().requires_grad_()
    ones_N = torch.ones(N)
    losses = TokenLosses(torch.zeros(N, dtype=torch.long), TeacherSignal(None, ones_N, ones_N))
    projected_loss(hidden_ND, head, losses).backward()
    assert head.weight.grad is None and hidden_ND.grad.abs().sum() > 0


def test_a_misspelt_divergence_and_a_beta_outside_its_range_are_named() -> None:
    with pytest.raises(UserError, match="no such divergence; did you mean 'forward_kl'"):
        divergence_of("foward_kl")
    for beta in (0.0, 1.0, math.nan):
        with pytest.raises(UserError, match="jsd_beta must lie between 0 and 1"):
            divergence_of("jensen_shannon", beta)
