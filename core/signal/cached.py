"""A teacher's distributions at each taught token of the corpus, read from disk.

The cache is cut into shards of as many sequences each, one artifact a shard. Shards that are there already
are skipped, any number of processes share the work, and a shard is checked when it is first read. Once the
cache is whole, distilling doesn't need the teacher.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.models.taught import IGNORED
from core.runs.artifacts import MARK, Artifact, fingerprint_of, read_json, run_folder, verify
from core.signal.codec import Codec
from core.signal.signal import Sparse

VERSION = "2"  # raised when the same configuration gives another cache
FOLDER = "teacher_cache"
FILE = "signal.safetensors"


def shards_of(cfg: DictConfig, num_sequences: int) -> list[tuple[Artifact, range]]:
    """Each shard and the sequences in it, in order."""
    inputs = {"corpus": PackedCorpus.of(cfg).fingerprint}
    inputs["teacher"] = fingerprint_of(run_folder(cfg) / "teacher", "teach", inputs)
    count = min(num_sequences, cfg.cache.num_sequences or num_sequences)
    size = int(cfg.cache.shard_sequences)
    if min(size, int(cfg.cache.top_k), count) < 1:
        raise UserError(
            "cache.shard_sequences, cache.top_k and cache.num_sequences must be 1 or more"
        )
    found = []
    for number, first in enumerate(range(0, count, size)):
        sequences = range(first, min(first + size, count))
        settings = {"top_k": cfg.cache.top_k, "sequences": [sequences.start, sequences.stop]}
        folder = run_folder(cfg) / FOLDER / f"shard-{number:05d}"
        found.append((Artifact(folder, settings, inputs, version=VERSION), sequences))
    return found


def taught_per_sequence(labels_BT: Tensor) -> Tensor:
    """The number of taught tokens of each sequence: (B,). The first token follows from nothing."""
    return (labels_BT[:, 1:] != IGNORED).sum(1)


class CachedTeacher:
    """What `winnow cache` wrote, as the source of the signal."""

    temperature = 1.0

    def __init__(self, shards: list[tuple[Path, range]], fingerprint: str):
        self.shards, self.fingerprint = shards, fingerprint
        self.num_sequences = shards[-1][1].stop
        self.size = len(shards[0][1])
        self._open: dict[int, _Shard] = {}

    @classmethod
    def of(cls, cfg: DictConfig) -> "CachedTeacher":
        """Open the run's cache. Raises UserError when it is incomplete or was made from something else."""
        shards = shards_of(cfg, len(PackedCorpus.of(cfg).sequences()))
        for artifact, _ in shards:
            if not (artifact.folder / MARK).exists():
                raise UserError(f"{artifact.folder} isn't there yet: run `winnow cache` first")
            artifact.check_fingerprint(read_json(artifact.folder / MARK))
        prints = json.dumps([artifact.fingerprint for artifact, _ in shards])
        fingerprint = hashlib.sha256(prints.encode()).hexdigest()[:16]
        return cls([(artifact.folder, chosen) for artifact, chosen in shards], fingerprint)

    def distributions(self, batch: dict[str, Tensor]) -> Sparse:
        """What was kept at the N taught tokens of the batch; `index` (B,) tells the sequences.

        Raises UserError for a damaged shard, and where the corpus teaches other tokens than it did.
        """
        labels_BT, rows = batch["labels"], []
        counts = taught_per_sequence(labels_BT).tolist()
        for index, count in zip(batch["index"].tolist(), counts, strict=True):
            shard = self._shard(index // self.size)
            found = shard.rows(index % self.size)
            if len(found) != count:
                raise UserError(
                    f"{shard.path}: {len(found)} tokens of sequence {index} are kept and {count} taught;"
                    " delete the cache and run `winnow cache` again"
                )
            rows.append(found)
        kept = shard.codec.decode(np.concatenate(rows))
        return Sparse(kept.to(labels_BT.device), shard.codec.vocab_size)

    def _shard(self, number: int) -> "_Shard":
        if number not in self._open:
            self._open[number] = _Shard(self.shards[number][0])
        return self._open[number]


class _Shard:
    """One file, mapped into memory; checked against its checksum once."""

    def __init__(self, folder: Path):
        verify(folder, read_json(folder / MARK))
        self.path = folder / FILE
        try:
            with safe_open(self.path, framework="np") as file:
                about: dict[str, Any] = file.metadata()
                self.ends = file.get_tensor("ends")
                self._rows = file.get_slice("rows")
        except (OSError, SafetensorError) as error:
            raise UserError(f"{self.path} can't be read ({error}): delete {folder}") from error
        self.codec = Codec(int(about["k"]), int(about["vocab_size"]))

    def rows(self, sequence: int) -> np.ndarray:
        """The rows of one sequence of the shard: (n, row_bytes)."""
        start = self.ends[sequence - 1] if sequence else 0
        found: np.ndarray = self._rows[int(start) : int(self.ends[sequence])]
        return found
