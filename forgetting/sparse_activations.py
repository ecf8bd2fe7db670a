"""Fewer activations: only the largest of each MLP pass in training."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from core.errors import UserError
from core.training.regularizer import Regularizer
from forgetting.modules import linears, mlps


class SparseActivations(Regularizer):
    """At each token, let the MLPs' largest activations through, by absolute value, and no others.

    The share that passes is 1 − strength · (1 − kept_share), of what the MLP's last matrix reads
    (k-sparse activations, arXiv 1312.5663). A stock architecture can't hold that, so it is dropped at the
    end: the core computes with all activations, also with small ones that it was never trained with.
    Compare its scores with a run without this before relying on it.
    """

    def __init__(self, *, strength: float = 1.0, kept_share: float = 0.25):
        """Raises UserError when `kept_share` is outside (0, 1]."""
        super().__init__(strength=strength)
        if not 0 < kept_share <= 1:
            raise UserError(
                f"SparseActivations: kept_share must be above 0 and at most 1, not {kept_share}"
            )
        self.kept_share = kept_share
        self._hooks: list[RemovableHandle] = []

    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Hook onto what each MLP's last matrix reads; raises UserError for a student without MLPs."""
        if self.strength == 0:
            return
        for mlp in mlps(student, "SparseActivations"):
            hook = linears(mlp)[-1].register_forward_pre_hook(self._keep_largest)
            self._hooks.append(hook)

    def fold(self, student: PreTrainedModel) -> None:
        """Take the hooks off."""
        for hook in self._hooks:
            hook.remove()

    def _keep_largest(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if not module.training:
            return args
        activations: Tensor = args[0]
        share = 1 - self.strength * (1 - self.kept_share)
        count = max(1, round(share * activations.shape[-1]))
        largest = activations.abs().topk(count, dim=-1).indices
        passes = torch.zeros_like(activations, dtype=torch.bool).scatter(-1, largest, True)
        return (activations.masked_fill(~passes, 0.0), *args[1:])
