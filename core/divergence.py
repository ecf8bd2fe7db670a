"""Per-token divergences between teacher and student, and the one masked reduction."""

import torch
import torch.nn.functional as F
from torch import Tensor

from core.signal import TeacherSignal


def forward_kl(student_logprobs_NV: Tensor, teacher_logprobs_NV: Tensor) -> Tensor:
    """KL(teacher ‖ student) for each token, in nats: shape (N,).

    Tokens that the teacher gives no probability contribute nothing.
    """
    teacher_NV = teacher_logprobs_NV.exp()
    gap_NV = teacher_logprobs_NV - student_logprobs_NV
    return torch.where(teacher_NV > 0, teacher_NV * gap_NV, 0.0).sum(-1)


def token_losses(student_logits_NV: Tensor, labels_N: Tensor, signal: TeacherSignal) -> Tensor:
    """The weighted loss of each taught token: shape (N,), float32.

    w · [(1 − λ) · KL(teacher ‖ student) + λ · cross-entropy], with w and λ per token from the signal.
    """
    student_NV = F.log_softmax(student_logits_NV.float(), dim=-1)
    cross_entropy_N = F.nll_loss(student_NV, labels_N, reduction="none")
    if signal.logprobs_NV is None:
        return signal.weight_N * signal.label_weight_N * cross_entropy_N
    kl_N = forward_kl(student_NV, signal.logprobs_NV)
    share_N = signal.label_weight_N
    return signal.weight_N * ((1 - share_N) * kl_N + share_N * cross_entropy_N)


def reduce(loss_N: Tensor, num_taught: Tensor | int) -> Tensor:
    """The mean over all taught tokens of the optimizer step, masked ones counting as zero.

    `num_taught` counts them over every accumulated micro-batch and process, so that four small batches
    give the gradient of one four times as large.
    """
    return loss_N.sum() / max(int(num_taught), 1)
