"""What it saves to project only the taught tokens onto the vocabulary."""

import time
from statistics import median

import torch
import torch.nn.functional as F

from core.models.taught import IGNORED, taught_hidden, taught_labels
from core.signal.divergence import TokenLosses, projected_loss
from core.signal.live import LiveTeacher
from core.signal.signal import TeacherSignal

B, T, V, N_STEPS = 16, 128, 2200, 12


def test_taught_only_projection(record, make_demo_llama):
    """Forward KL + cross-entropy, teacher and student of the demo's size, 18 % of the tokens taught."""
    torch.manual_seed(0)
    student, teacher = make_demo_llama(V).train(), make_demo_llama(V, seed=1)
    ids_BT = torch.randint(0, V, (B, T))
    positions_BT = (torch.arange(T) % 20).expand(B, T)
    labels_BT = torch.where(torch.rand(B, T) < 0.18, ids_BT, IGNORED)
    labels_N = taught_labels(labels_BT)
    ones_N = torch.ones(len(labels_N))

    def ours() -> torch.Tensor:
        target = LiveTeacher(teacher).distributions(
            {"input_ids": ids_BT, "position_ids": positions_BT, "labels": labels_BT}
        )
        hidden_ND = taught_hidden(student, ids_BT, positions_BT, labels_BT)
        losses = TokenLosses(labels_N, TeacherSignal(target, ones_N, 0.5 * ones_N))
        return projected_loss(hidden_ND, student.lm_head, losses) / len(labels_N)

    def dense() -> torch.Tensor:
        with torch.no_grad():
            said_BTV = teacher(ids_BT, position_ids=positions_BT, use_cache=False).logits
        logits_BTV = student(ids_BT, position_ids=positions_BT, use_cache=False).logits
        said_BTV, logits_BTV = said_BTV[:, :-1].log_softmax(-1), logits_BTV[:, :-1].log_softmax(-1)
        kl_BT = (said_BTV.exp() * (said_BTV - logits_BTV)).sum(-1)
        shifted_BT = labels_BT[:, 1:]
        cross_BT = F.nll_loss(
            logits_BTV.transpose(1, 2), shifted_BT, ignore_index=IGNORED, reduction="none"
        )
        mask_BT = shifted_BT != IGNORED
        return ((0.5 * kl_BT + 0.5 * cross_BT) * mask_BT).sum() / mask_BT.sum()

    torch.testing.assert_close(ours(), dense())
    seconds = {}
    for name, step in (("ours", ours), ("dense", dense)) * 2:
        taken = []
        for _ in range(N_STEPS):
            began = time.perf_counter()
            step().backward()
            student.zero_grad()
            taken.append(time.perf_counter() - began)
        seconds[name] = median(taken)
    record("step_speed_ratio_dense", seconds["dense"] / seconds["ours"], "×", n=N_STEPS)
    record("step_tokens_per_second", B * T / seconds["ours"], "tokens/s", n=N_STEPS)
