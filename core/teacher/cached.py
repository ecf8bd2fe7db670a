"""A teacher that has spoken already: what it says at each taught token of the corpus, on disk.

The cache is cut into shards of as many sequences each, one artifact a shard: whatever is there already is
skipped, any number of processes share the work, and a shard is checked when it is first read. After it is
whole, distilling needs the teacher no more.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from omegaconf import DictConfig
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor
from transformers import PreTrainedModel

from core import processes
from core.artifacts import MARK, Artifact, fingerprint_of, read_json, run_folder, verify
from core.console import Report, console, tell_kept
from core.corpus.packing import IGNORED
from core.corpus.stage import PackedCorpus
from core.divergence import parts
from core.errors import UserError
from core.progress import reporting
from core.signal import Sparse, TopK
from core.teacher.codec import Codec
from core.teacher.live import LiveTeacher
from core.teacher.stage import run_teacher

FOLDER = "teacher_cache"
FILE = "signal.safetensors"
BATCH = 8  # sequences that the teacher reads at once
MEASURED = 256  # sequences that tell how many tokens there are


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
        found.append((Artifact(folder, settings, inputs), sequences))
    return found


def cache_signal(cfg: DictConfig, report: Report | None = None) -> None:
    """Write `teacher_cache/`: the teacher's likeliest tokens and their tail at each taught token.

    Under `accelerate launch` each process takes every n-th shard. The size and, after a first batch, the time
    are told before the work. Raises UserError when the disk is too small for it.
    """
    corpus, state = PackedCorpus.of(cfg), processes.state()
    sequences = corpus.sequences()
    own = shards_of(cfg, len(sequences))[state.process_index :: state.num_processes]
    todo = [shard for shard in own if not shard[0].is_done(cfg.overwrite)]
    if not todo:
        return tell_kept(run_folder(cfg) / FOLDER, report)
    model = run_teacher(cfg, corpus).to(state.device)
    vocab_size = len(model.get_output_embeddings().weight)  # type: ignore[arg-type]
    codec = Codec(min(cfg.cache.top_k, vocab_size - 1), vocab_size)
    columns = ["input_ids", "position_ids", "labels"]
    texts = sequences.select_columns(columns).with_format("torch")
    _announce(model, codec, texts, sum(len(chosen) for _, chosen in todo), run_folder(cfg))
    done, total = 0, sum(len(chosen) for _, chosen in todo)
    with reporting("cache", report) as show:
        for artifact, chosen in todo:
            for count in write_shard(artifact, model, codec, texts, chosen):
                done += count
                show(done, total, "")
    console.print(f"cache: {codec.row_bytes} bytes a token → {run_folder(cfg) / FOLDER}")


def write_shard(
    artifact: Artifact, model: PreTrainedModel, codec: Codec, texts: Dataset, chosen: range
) -> Iterator[int]:
    """Write what the teacher says in the chosen sequences; gives how many are done, as it goes."""
    artifact.began = time.monotonic()
    rows, counts = [], []
    for start in range(chosen.start, chosen.stop, BATCH):
        batch = texts[start : min(start + BATCH, chosen.stop)]
        rows.append(_spoken(model, codec, batch))
        counts.append(taught_per_sequence(batch["labels"]).numpy())
        yield len(batch["labels"])
    ends = np.concatenate(counts).cumsum().astype(np.int64)
    with artifact.writing(alone=True) as folder:
        tensors = {"rows": np.concatenate(rows), "ends": ends}
        about = {"k": str(codec.k), "vocab_size": str(codec.vocab_size)}
        save_file(tensors, folder / FILE, metadata=about)


@torch.no_grad()
def _spoken(model: PreTrainedModel, codec: Codec, batch: dict[str, Tensor]) -> np.ndarray:
    """The rows (N, row_bytes) of a batch."""
    batch = {name: value.to(model.device) for name, value in batch.items()}
    target = LiveTeacher(model).distributions(batch)
    rows = [np.zeros((0, codec.row_bytes), np.uint8)]
    for part in parts(len(target.hidden_ND), codec.vocab_size, model.device):
        rows.append(codec.encode(TopK.of(target.rows(part), codec.k)))
    return np.concatenate(rows)


def taught_per_sequence(labels_BT: Tensor) -> Tensor:
    """How many tokens of each sequence are taught: (B,); a first one follows from nothing."""
    return (labels_BT[:, 1:] != IGNORED).sum(1)


def _announce(
    model: PreTrainedModel, codec: Codec, texts: Dataset, count: int, folder: Path
) -> None:
    """Say how large the cache will be and how long it will take, from a first batch."""
    began = time.monotonic()
    _spoken(model, codec, texts[:BATCH])
    seconds = (time.monotonic() - began) * count / min(BATCH, len(texts))
    taught = taught_per_sequence(texts[:MEASURED]["labels"]).float().mean().item() * count
    size, free = taught * codec.row_bytes, shutil.disk_usage(folder).free
    if size > free:
        raise UserError(
            f"the cache will take {size / 1e9:,.1f} GB and {folder} has {free / 1e9:,.1f} GB left:"
            " free some, or lower cache.top_k or cache.num_sequences"
        )
    console.print(
        f"cache: about {taught:,.0f} tokens × {codec.row_bytes} bytes = {size / 1e6:,.1f} MB,"
        f" {seconds / 60:,.1f} minutes"
    )


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
        """That of the run; raises UserError when part of it is missing or was made from something else."""
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
        """Those of one sequence of the shard: (n, row_bytes)."""
        start = self.ends[sequence - 1] if sequence else 0
        found: np.ndarray = self._rows[int(start) : int(self.ends[sequence])]
        return found
