"""The memory map as an artifact: a score for each token of the packed corpus.

Where the score reaches the threshold, the distribution of a model that never saw the text is kept too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.errors import UserError
from core.models.taught import IGNORED
from core.signal.signal import THRESHOLD, MemorySlice, TopK

FILE = "memory_map.safetensors"


@dataclass(frozen=True)
class MemoryMap:
    """Scores (S, T) in [0, 1] and the teacher's log-probability of each token (S, T); for the M flagged
    tokens in reading order, the reference's distribution (M, K), or nothing (K = 0); and the reference's
    log-probability of each token (S, T), where there is one.
    """

    score_ST: Tensor
    teacher_logprob_ST: Tensor
    reference: TopK
    reference_logprob_ST: Tensor | None = None

    @property
    def flagged_ST(self) -> Tensor:
        """The tokens at or above the threshold."""
        return self.score_ST >= THRESHOLD

    @property
    def has_reference(self) -> bool:
        """Whether there was a model that never saw the text; without one K is 0."""
        return self.reference.indices_NK.shape[-1] > 0

    def save(self, folder: Path) -> None:
        """Write one safetensors file."""
        tensors = {
            "score": self.score_ST.half(),
            "teacher_logprob": self.teacher_logprob_ST.half(),
            "reference_indices": self.reference.indices_NK.to(torch.int32),
            "reference_logprobs": self.reference.logprobs_NK.half(),
            "reference_tail": self.reference.tail_logprob_N.half(),
        }
        if self.reference_logprob_ST is not None:
            tensors["reference_logprob"] = self.reference_logprob_ST.half()
        save_file({k: v.contiguous() for k, v in tensors.items()}, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> "MemoryMap":
        """Read a map. Raises UserError when the file is missing or damaged."""
        try:
            tensors = load_file(folder / FILE)
        except (OSError, SafetensorError) as error:
            raise UserError(f"{folder / FILE} can't be read ({error}): run `winnow map`") from error
        reference = TopK(
            tensors["reference_indices"].long(),
            tensors["reference_logprobs"].float(),
            tensors["reference_tail"].float(),
        )
        by_reference = tensors.get("reference_logprob")
        return cls(
            tensors["score"].float(),
            tensors["teacher_logprob"].float(),
            reference,
            None if by_reference is None else by_reference.float(),
        )

    def __post_init__(self) -> None:
        counts_S = self.flagged_ST.sum(1)
        ends_S = counts_S.cumsum(0)
        object.__setattr__(self, "_ends_S", ends_S)
        assert int(ends_S[-1]) == len(self.reference.indices_NK), (
            "one reference row a flagged token"
        )

    def at(self, batch: dict[str, Tensor]) -> MemorySlice:
        """The map at the sequences of a micro-batch, which its `index` (B) names."""
        return self.slice(batch["index"], batch["labels"])

    def slice(self, index_B: Tensor, labels_BT: Tensor) -> MemorySlice:
        """The map at the sequences `index_B`; `labels_BT` tells which tokens are taught."""
        device = labels_BT.device
        sequences = index_B.tolist()
        score_BT, taught_BT = self.score_ST[sequences], labels_BT[:, 1:].cpu() != IGNORED
        score_N = score_BT[:, 1:][taught_BT]
        lead_N = None
        if self.reference_logprob_ST is not None:
            lead_BT = self.reference_logprob_ST[sequences] - self.teacher_logprob_ST[sequences]
            lead_N = lead_BT[:, 1:][taught_BT].to(device)
        ends_S: Tensor = self._ends_S  # type: ignore[attr-defined]
        rows = torch.cat(
            [torch.arange(int(ends_S[s - 1]) if s else 0, int(ends_S[s])) for s in sequences]
        )
        reference = TopK(
            self.reference.indices_NK[rows].to(device),
            self.reference.logprobs_NK[rows].to(device),
            self.reference.tail_logprob_N[rows].to(device),
        )
        flagged_N = score_N >= THRESHOLD
        return MemorySlice(
            score_N.to(device), flagged_N.to(device), reference, score_BT.to(device), lead_N
        )


def join_shards(shards: Sequence[Path], folder: Path) -> None:
    """Write the map of a corpus into `folder`, from those of its shards in order, exactly as they are."""
    found = [load_file(shard / FILE) for shard in shards]
    save_file({name: torch.cat([part[name] for part in found]) for name in found[0]}, folder / FILE)
