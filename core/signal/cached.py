"""A teacher's distributions at each taught token of the corpus, read from disk.

The cache is cut into shards of as many sequences each, one artifact a shard. Shards that are there already
are skipped, any number of processes share the work, and a shard is checked when it is first read. Once the
cache is whole, distilling doesn't need the teacher.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.models.taught import IGNORED
from core.runs.artifacts import MARK, read_json, verify
from core.signal.codec import Codec
from core.signal.readings import Readings, shards_of
from core.signal.signal import Sparse

FILE = "signal.safetensors"


def taught_per_sequence(labels_BT: Tensor) -> Tensor:
    """The number of taught tokens of each sequence: (B,). The first token follows from nothing."""
    return (labels_BT[:, 1:] != IGNORED).sum(1)


class CachedTeacher:
    """What `winnow cache` wrote, as the source of the signal.

    A batch names its sequences by `index` (B,). Where there are several readings it names that of each
    sequence by `reading` (B,). A damaged shard raises UserError when it is read, as does a corpus that
    teaches other tokens than the cache has.
    """

    temperature = 1.0

    def __init__(self, shards: list[tuple[Path, range]], fingerprint: str, num_readings: int = 1):
        """`shards` are all of the first reading in order, then those of the second, and so on."""
        self.shards, self.fingerprint, self.num_readings = shards, fingerprint, num_readings
        self.num_sequences = shards[-1][1].stop
        self.size = len(shards[0][1])
        self._open: dict[int, _Shard] = {}

    @classmethod
    def of(cls, cfg: DictConfig, readings: Readings | None = None) -> "CachedTeacher":
        """Open the run's cache of some readings, by default of the plain one.

        Raises UserError when it is incomplete or was made from something else.
        """
        readings = readings or Readings()
        shards = shards_of(cfg, len(PackedCorpus.of(cfg).sequences()), readings)
        for artifact, *_ in shards:
            if not (artifact.folder / MARK).exists():
                raise UserError(f"{artifact.folder} isn't there yet: run `winnow cache` first")
            artifact.check_fingerprint(read_json(artifact.folder / MARK))
        prints = json.dumps([artifact.fingerprint for artifact, *_ in shards])
        fingerprint = hashlib.sha256(prints.encode()).hexdigest()[:16]
        files = [(artifact.folder, chosen) for artifact, chosen, *_ in shards]
        return cls(files, fingerprint, readings.count(cfg))

    def distributions(self, batch: dict[str, Tensor]) -> Sparse:
        """What was kept at the N taught tokens of the batch."""
        found = list(self._find(batch))
        codec = found[0][0].codec
        kept = codec.decode(np.concatenate([shard.rows[tokens] for shard, tokens in found]))
        return Sparse(kept.to(batch["labels"].device), codec.vocab_size)

    def label_weights(self, batch: dict[str, Tensor]) -> Tensor:
        """The label weight of each of the N taught tokens in an edited reading: (N,), from 0 to 1."""
        found = [shard.label_weights[tokens] for shard, tokens in self._find(batch)]
        return torch.from_numpy(np.concatenate(found)).to(batch["labels"].device)

    def _find(self, batch: dict[str, Tensor]) -> Iterator[tuple["_Shard", slice]]:
        """Yield the shard of each sequence of the batch, and which of the shard's tokens are its own."""
        index_B = batch["index"]
        reading_B = batch.get("reading", torch.zeros_like(index_B))
        counts_B = taught_per_sequence(batch["labels"])
        per_reading = len(self.shards) // self.num_readings
        for index, reading, count in zip(
            *(x.tolist() for x in (index_B, reading_B, counts_B)), strict=True
        ):
            shard = self._shard(reading * per_reading + index // self.size)
            tokens = shard.tokens(index % self.size)
            if tokens.stop - tokens.start != count:
                raise UserError(
                    f"{shard.path}: {tokens.stop - tokens.start} tokens of sequence {index} are kept and"
                    f" {count} taught; delete the cache and run `winnow cache` again"
                )
            yield shard, tokens

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
                self.rows = file.get_slice("rows")
                if "label_weights" in file.keys():  # noqa: SIM118, no mapping
                    self.label_weights = file.get_slice("label_weights")
        except (OSError, SafetensorError) as error:
            raise UserError(f"{self.path} can't be read ({error}): delete {folder}") from error
        self.codec = Codec(int(about["k"]), int(about["vocab_size"]))

    def tokens(self, sequence: int) -> slice:
        """The taught tokens of one sequence, among those of the shard."""
        start = self.ends[sequence - 1] if sequence else 0
        return slice(int(start), int(self.ends[sequence]))
