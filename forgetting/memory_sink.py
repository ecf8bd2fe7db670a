"""Extra MLP units for the memories, which are thrown away after training."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from core.errors import UserError
from core.models.taught import IGNORED
from core.signal.signal import MemorySlice
from core.training.regularizer import Batch, Regularizer
from forgetting.modules import linears, mlps


class MemorySink(Regularizer):
    """Widen each MLP by `num_units` that only memorized tokens may use, and drop them at the end.

    After Memorization Sinks (arXiv 2507.09937): the shared units are trained by everything, but what the sink
    learns first they need not. There, a hash of the document opens units of its own; here the memory map
    opens the whole sink, at the positions that predict a flagged token. Each of these is open with
    probability `strength`, drawn anew each step; where it is shut, the shared units have to do.
    """

    needs_memory_map = True

    def __init__(self, *, strength: float = 1.0, num_units: int = 128):
        """Raises UserError when there is not one unit."""
        super().__init__(strength=strength)
        if num_units < 1:
            raise UserError(f"MemorySink: num_units must be 1 or more, not {num_units}")
        self.num_units = num_units
        self._open_BT: Tensor | None = None
        self._hooks: list[RemovableHandle] = []

    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Add a `memory_sink` to each MLP; raises UserError for a student without MLPs."""
        if self.strength == 0:
            return
        for mlp in mlps(student, "MemorySink"):
            mlp.add_module("memory_sink", Sink(mlp, self.num_units, generator))
            self._hooks.append(mlp.register_forward_hook(self._add_sink))

    def edit_batch(
        self, batch: Batch, memory: MemorySlice | None, generator: torch.Generator
    ) -> Batch:
        """Keep where the sink is open in this batch, (B, T); the batch stays."""
        self._open_BT = None
        if memory is None or self.strength == 0:
            return batch
        draw_N = torch.rand(memory.flagged_N.shape, generator=generator)
        open_N = memory.flagged_N & (draw_N < self.strength).to(memory.flagged_N.device)
        predicts_BT = torch.zeros_like(batch["labels"], dtype=torch.bool)
        predicts_BT[:, :-1] = batch["labels"][:, 1:] != IGNORED
        self._open_BT = predicts_BT.masked_scatter(predicts_BT, open_N)
        return batch

    def fold(self, student: PreTrainedModel) -> None:
        """Throw the sinks away."""
        for hook in self._hooks:
            hook.remove()
        for module in list(student.modules()):
            if isinstance(getattr(module, "memory_sink", None), Sink):
                del module.memory_sink

    def _add_sink(self, mlp: nn.Module, args: tuple[Any, ...], output_BTD: Tensor) -> Tensor:
        if not mlp.training or self._open_BT is None:
            return output_BTD
        written_MD = mlp.get_submodule("memory_sink")(args[0][self._open_BT])
        sunk_BTD = torch.zeros_like(output_BTD)
        sunk_BTD[self._open_BT] = written_MD.to(output_BTD.dtype)
        return output_BTD + sunk_BTD


class Sink(nn.Module):
    """The added units U of an MLP that reads and writes D channels: gated, as in Llama; silent at first."""

    def __init__(self, mlp: nn.Module, num_units: int, generator: torch.Generator):
        super().__init__()
        first, last = linears(mlp)[0], linears(mlp)[-1]
        like = next(last.parameters())

        def drawn() -> nn.Parameter:
            weight_UD = torch.randn(num_units, first.in_features, generator=generator)
            return nn.Parameter((weight_UD / first.in_features**0.5).to(like))

        self.gate, self.up = drawn(), drawn()
        self.down = nn.Parameter(torch.zeros(last.out_features, num_units).to(like))

    def forward(self, hidden_MD: Tensor) -> Tensor:
        """What the sink writes (M, D) at the M positions that may use it."""
        opened_MU = F.silu(F.linear(hidden_MD, self.gate)) * F.linear(hidden_MD, self.up)
        return F.linear(opened_MU, self.down)
