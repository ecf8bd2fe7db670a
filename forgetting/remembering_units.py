"""A start without the MLP units that serve a text's own names more than any other names."""

from typing import Any

import torch
import torch.nn.functional as F
from datasets import Dataset
from torch import Tensor
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.models.curvature import batches_of
from core.models.cut import gated_mlps
from core.models.taught import IGNORED
from core.training.regularizer import Batch, Regularizer
from forgetting.stranger import Stranger

RENAMINGS = 4  # of each text: one alone says little of all others


class RememberingUnits(Regularizer):
    """The share `strength` of all MLP units is removed, those first that are worth most for memories.

    A unit is worth to a text −Σ a · ∂loss/∂a over its tokens, a its activation: by how much the loss would
    rise without it, to first order (arXiv 1611.06440, with its sign: what is as much in the way as of use
    isn't worth anything). Its rank is by how much more it is worth to the corpus as it is than to the same
    with other names. What it reads and what it writes become zero, so that training can't bring it back: the
    core is smaller by these units. Measured on `num_sequences` of the corpus.
    """

    def __init__(self, *, strength: float = 0.05, num_sequences: int = 128):
        super().__init__(strength=strength)
        self.num_sequences = num_sequences

    def read_corpus(self, sequences: Dataset, tokenizer: PreTrainedTokenizerBase) -> None:
        """Keep the corpus to measure on, and find its names."""
        self.sequences, self.renaming = sequences, Stranger()
        if self.strength > 0:
            self.renaming.read_corpus(sequences, tokenizer)

    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Remove the units, in place; raises UserError for a model without gated MLPs."""
        if self.strength == 0:
            return
        mlps = gated_mlps(student)
        seed = int(torch.randint(2**31, (), generator=generator))
        lead = {name: torch.zeros(mlp.down_proj.in_features) for name, mlp in mlps.items()}
        for ids_BT, positions_BT, labels_BT in batches_of(self.sequences, self.num_sequences, seed):
            batch = {"input_ids": ids_BT, "position_ids": positions_BT, "labels": labels_BT}
            others = (
                self.renaming.edit_teacher_batch(batch, None, generator) for _ in range(RENAMINGS)
            )
            for read, share in ((batch, 1.0), *((other, -1 / RENAMINGS) for other in others)):
                for name, worth_K in _worth(student, mlps, read).items():
                    lead[name] += share * worth_K
        every = torch.cat(list(lead.values()))
        num_gone = round(self.strength * len(every))
        if num_gone:
            least = every.topk(num_gone).values[-1]
            for name, mlp in mlps.items():
                _remove(mlp, lead[name] >= least)


def _worth(student: PreTrainedModel, mlps: dict[str, Any], batch: Batch) -> dict[str, Tensor]:
    """−Σ a · ∂loss/∂a of each unit over a batch, by the MLP's name: (K,)."""
    device = student.device
    ids_BT, labels_BT = batch["input_ids"].to(device), batch["labels"].to(device)
    read: dict[str, Tensor] = {}

    def keep(name: str) -> RemovableHandle:
        return mlps[name].down_proj.register_forward_pre_hook(
            lambda _, inputs: read.__setitem__(name, inputs[0])
        )

    hooks = [keep(name) for name in mlps]
    try:
        with torch.enable_grad():
            positions_BT = batch["position_ids"].to(device)
            logits_BTV = student(
                input_ids=ids_BT, position_ids=positions_BT, use_cache=False
            ).logits
            taught_BT = labels_BT[:, 1:] != IGNORED
            said_NV, label_N = logits_BTV[:, :-1][taught_BT], ids_BT[:, 1:][taught_BT]
            loss = F.cross_entropy(said_NV.float(), label_N, reduction="sum")
            gradients = torch.autograd.grad(loss, list(read.values()))
    finally:
        for hook in hooks:
            hook.remove()
    return {
        name: -(a_BTK.detach() * g_BTK).sum((0, 1)).cpu()
        for (name, a_BTK), g_BTK in zip(read.items(), gradients, strict=True)
    }


@torch.no_grad()
def _remove(mlp: Any, gone_K: Tensor) -> None:
    """Zero what some units read and write."""
    gone_K = gone_K.to(mlp.down_proj.weight.device)
    mlp.down_proj.weight[:, gone_K] = 0
    for matrix in (mlp.gate_proj, mlp.up_proj):
        matrix.weight[gone_K] = 0
        if matrix.bias is not None:
            matrix.bias[gone_K] = 0
