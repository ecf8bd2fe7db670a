"""`winnow cache`: write what the teacher says, for students that learn without it."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from omegaconf import DictConfig
from safetensors.numpy import save_file
from torch import Tensor
from transformers import PreTrainedModel

from core.arms.teach import run_teacher
from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.runs import processes
from core.runs.artifacts import Artifact, run_folder
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting
from core.signal.cached import FILE, FOLDER, shards_of, taught_per_sequence
from core.signal.codec import Codec
from core.signal.divergence import parts
from core.signal.live import LiveTeacher
from core.signal.signal import TopK

BATCH = 8  # sequences that the teacher reads at once
MEASURED = 256  # sequences that tell how many tokens there are


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
    """Write what the teacher says in the chosen sequences. Yields the number of sequences of each batch."""
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
    """Encode what the teacher says at the N taught tokens of a batch: (N, row_bytes)."""
    batch = {name: value.to(model.device) for name, value in batch.items()}
    target = LiveTeacher(model).distributions(batch)
    rows = [np.zeros((0, codec.row_bytes), np.uint8)]
    for part in parts(len(target.hidden_ND), codec.vocab_size, model.device):
        rows.append(codec.encode(TopK.of(target.rows(part), codec.k)))
    return np.concatenate(rows)


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
