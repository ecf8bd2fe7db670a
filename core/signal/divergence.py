"""Per-token divergences between teacher and student, and the loss over the vocabulary projection.

The projection onto the vocabulary, the divergence and its gradient are worked out a few tokens at a time, so
that the logits of all taught tokens (N, V), of either model, are never there at once: the gradient of each of
these divergences by the student's logits has a closed form, and only the products of that gradient with the
hidden states and with the projection's matrix are kept.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import UserError, nearest
from core.models.taught import filled, reduced_dtype
from core.signal.signal import Distributions, TeacherSignal, at_least_float32

# Log-probabilities (n, V) of student and teacher → the divergence (n,) in nats, and its gradient (n, V) by
# the student's logits.
Divergence = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

# Logits projected at once: on a GPU enough to keep it busy. On a CPU their losses are worked out fewer at a
# time, in blocks whose temporaries its caches hold.
CPU_LOGITS, GPU_LOGITS, LEAST_ROWS, CPU_BLOCK = 2**20, 2**26, 128, 2**19


def forward_kl(student_nV: Tensor, teacher_nV: Tensor) -> tuple[Tensor, Tensor]:
    """Work out KL(teacher ‖ student). Tokens of no probability contribute nothing.

    Args:
        student_nV: log-probabilities log q, (n, V).
        teacher_nV: log-probabilities log p, (n, V).

    Returns:
        The divergence (n,) in nats, and its gradient q − p by the student's logits, (n, V).
    """
    p_nV = teacher_nV.exp()
    gap_nV = (teacher_nV - student_nV).masked_fill_(p_nV == 0, 0.0)
    value_n = torch.linalg.vecdot(p_nV, gap_nV)
    return value_n, student_nV.exp().sub_(p_nV)


def reverse_kl(student_nV: Tensor, teacher_nV: Tensor) -> tuple[Tensor, Tensor]:
    """Work out KL(student ‖ teacher).

    Args:
        student_nV: log-probabilities log q, (n, V).
        teacher_nV: log-probabilities log p, (n, V).

    Returns:
        The divergence (n,) in nats, and its gradient by the student's logits, (n, V): q · (log q − log p −
        KL).
    """
    q_nV = student_nV.exp()
    gap_nV = (student_nV - teacher_nV).masked_fill_(q_nV == 0, 0.0)
    value_n = torch.linalg.vecdot(q_nV, gap_nV)
    return value_n, gap_nV.sub_(value_n[:, None]).mul_(q_nV)


def jensen_shannon(
    student_nV: Tensor, teacher_nV: Tensor, *, beta: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Work out β · KL(p ‖ m) + (1 − β) · KL(q ‖ m), m = βp + (1 − β)q (generalized JSD, arXiv 2306.13649).

    In log space throughout, since p and q underflow.

    Args:
        student_nV: log-probabilities log q, (n, V).
        teacher_nV: log-probabilities log p, (n, V).
        beta: the teacher's share of the mixture.

    Returns:
        The divergence (n,) in nats, and its gradient by the student's logits, (n, V): q · (u − Σ q·u) with
        u = (1 − β) · log(q / m).

    Raises:
        UserError: β is outside (0, 1).
    """
    if not 0 < beta < 1:
        raise UserError(
            f"the Jensen-Shannon divergence's beta must lie between 0 and 1, not {beta}"
        )
    log_beta, log_rest = torch.tensor([beta, 1 - beta]).log().tolist()
    mixture_nV = torch.logaddexp(teacher_nV + log_beta, student_nV + log_rest)
    p_nV, q_nV = teacher_nV.exp(), student_nV.exp()
    from_teacher_nV = (teacher_nV - mixture_nV).masked_fill_(p_nV == 0, 0.0)
    gap_nV = (student_nV - mixture_nV).masked_fill_(q_nV == 0, 0.0)
    of_student_n = torch.linalg.vecdot(q_nV, gap_nV)
    value_n = beta * torch.linalg.vecdot(p_nV, from_teacher_nV) + (1 - beta) * of_student_n
    return value_n, gap_nV.sub_(of_student_n[:, None]).mul_(q_nV).mul_(1 - beta)


NAMES = {"forward_kl": forward_kl, "reverse_kl": reverse_kl, "jensen_shannon": jensen_shannon}


def divergence_of(name: str, beta: float = 0.5) -> Divergence:
    """Find a divergence by its name.

    Args:
        name: `forward_kl`, `reverse_kl` or `jensen_shannon`.
        beta: the teacher's share of the mixture in the Jensen-Shannon divergence, in (0, 1).

    Returns:
        A function of the student's and the teacher's log-probabilities.

    Raises:
        UserError: there is no such divergence, or β is outside (0, 1), where it would be 0.
    """
    if name not in NAMES:
        hint = nearest(name, NAMES) or f"; choose {', '.join(NAMES)}"
        raise UserError(f"distill.divergence={name}: no such divergence{hint}")
    if not 0 < beta < 1:
        raise UserError(f"distill.jsd_beta must lie between 0 and 1, not {beta}")
    return partial(jensen_shannon, beta=beta) if name == "jensen_shannon" else NAMES[name]


class TokenLosses:
    """The weighted losses of the taught tokens, from the logits of any part of them.

    w · [(1 − λ) · D(teacher, student) + λ · cross-entropy], with w and λ per token from the signal. Both
    sides of D are at `temperature`, the cross-entropy isn't.
    """

    def __init__(
        self,
        labels_N: Tensor,
        signal: TeacherSignal,
        divergence: Divergence = forward_kl,
        temperature: float = 1.0,
    ):
        self.labels_N, self.signal = labels_N, signal
        self.divergence, self.temperature = divergence, temperature

    def __call__(self, logits_nV: Tensor, part: slice) -> Tensor:
        """Losses (n,); the logits (n, V) are overwritten by the gradients by them."""
        target = self.signal.target
        # Spread as the student's own, the tail of a top-k signal would hide from the reverse KL what the
        # student wrongly says there (docs/scaling.md).
        own_nV = None if self.divergence is reverse_kl else logits_nV
        target_nV = None if target is None else target.rows(part, own_nV)
        on_cpu, losses = logits_nV.device.type == "cpu", []
        size = max(1, CPU_BLOCK // logits_nV.shape[1]) if on_cpu else len(logits_nV)
        for start in range(0, len(logits_nV), size):
            own = slice(start, min(start + size, len(logits_nV)))
            rows = slice(part.start + own.start, part.start + own.stop)
            loss_n, gradient_nV = self._of(
                logits_nV[own], None if target_nV is None else target_nV[own], rows
            )
            logits_nV[own] = gradient_nV
            losses.append(loss_n)
        return torch.cat(losses)

    def _of(
        self, logits_nV: Tensor, target_nV: Tensor | None, part: slice
    ) -> tuple[Tensor, Tensor]:
        student_nV = F.log_softmax(logits_nV, dim=-1)
        label_n1 = self.labels_N[part, None]
        cross_entropy_n = -student_nV.gather(1, label_n1)[:, 0]
        share_n, weight_n = self.signal.label_weight_N[part], self.signal.weight_N[part]
        if target_nV is None:
            loss_n, gradient_nV = share_n * cross_entropy_n, student_nV.exp_()
            gradient_nV.mul_(share_n[:, None])
        else:
            at_temperature_nV = student_nV
            if self.temperature != 1:
                at_temperature_nV = F.log_softmax(logits_nV / self.temperature, dim=-1)
            value_n, gradient_nV = self.divergence(at_temperature_nV, target_nV)
            loss_n = (1 - share_n) * value_n + share_n * cross_entropy_n
            gradient_nV.mul_((1 - share_n[:, None]) / self.temperature)
            gradient_nV.addcmul_(student_nV.exp_(), share_n[:, None])
        gradient_nV.scatter_add_(1, label_n1, -share_n[:, None])
        return weight_n * loss_n, gradient_nV.mul_(weight_n[:, None])


def projected_loss(hidden_ND: Tensor, head: nn.Module, losses: TokenLosses) -> Tensor:
    """The sum of the losses of N tokens, from the hidden states (N, D) that `head` projects: a scalar."""
    return _ProjectedLoss.apply(hidden_ND, head.weight, getattr(head, "bias", None), losses)  # type: ignore[no-any-return, no-untyped-call]


class _ProjectedLoss(torch.autograd.Function):
    """Forward works out the gradients too, since each part's logits are gone after it."""

    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor | None, losses: TokenLosses
    ) -> Tensor:
        device = hidden_ND.device
        dtype = reduced_dtype(device) or weight_VD.dtype
        by_hidden, by_weight, by_bias, _ = ctx.needs_input_grad
        hidden_gradient = torch.empty_like(hidden_ND) if by_hidden else None
        weight_gradient = torch.zeros_like(weight_VD) if by_weight else None
        bias_gradient = torch.zeros_like(bias_V) if by_bias and bias_V is not None else None
        total = torch.zeros((), device=device)
        with torch.autocast(device.type, enabled=False):
            matrix_VD = weight_VD.to(dtype)
            vector_V = None if bias_V is None else bias_V.to(dtype)
            for part in token_parts(len(hidden_ND), len(weight_VD), device):
                count = len(hidden_ND[part])
                hidden_nD = filled(hidden_ND[part].to(dtype))
                logits_nV = at_least_float32(F.linear(hidden_nD, matrix_VD, vector_V))[:count]
                total = total + losses(logits_nV, part).sum()
                gradient_nV = filled(logits_nV.to(dtype))
                if hidden_gradient is not None:
                    by_hidden_nD = (gradient_nV @ matrix_VD)[:count]
                    hidden_gradient[part] = by_hidden_nD.to(hidden_gradient)
                if weight_gradient is not None and weight_gradient.dtype == dtype:
                    weight_gradient.addmm_(gradient_nV.T, hidden_nD)
                elif weight_gradient is not None:
                    weight_gradient += gradient_nV.T @ hidden_nD  # summed in the weight's precision
                if bias_gradient is not None:
                    bias_gradient += gradient_nV.sum(0)
        ctx.gradients = hidden_gradient, weight_gradient, bias_gradient
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        gradients, ctx.gradients = ctx.gradients, None  # used up: they are scaled in place
        return (*(None if g is None else g.mul_(scale.to(g.dtype)) for g in gradients), None)


def entropies(target: Distributions, count: int, vocab_size: int, device: torch.device) -> Tensor:
    """Entropies (N,) in nats of `count` distributions."""
    found = [torch.zeros(0, device=device)]
    for part in token_parts(count, vocab_size, device):
        logprobs_nV = target.rows(part)
        p_nV = logprobs_nV.exp()
        found.append(-torch.linalg.vecdot(p_nV, logprobs_nV.masked_fill(p_nV == 0, 0.0)))
    return torch.cat(found)


def token_parts(count: int, vocab_size: int, device: torch.device) -> list[slice]:
    """Slices of `count` tokens whose logits are worked on together."""
    budget = CPU_LOGITS if device.type == "cpu" else GPU_LOGITS
    size = max(LEAST_ROWS, budget // vocab_size)
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
