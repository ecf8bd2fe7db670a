"""`winnow cache`: write what the teacher says, for students that learn without it."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from omegaconf import DictConfig
from safetensors.numpy import save_file
from torch import Tensor
from transformers import PreTrainedModel

from core.arms.readings import readings_of_run
from core.arms.teach import run_teacher
from core.config.build import build
from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.models.precision import multiplying
from core.models.taught import taught_labels
from core.runs import processes
from core.runs.amounts import about, spelled_size
from core.runs.artifacts import Artifact, run_folder
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting
from core.signal.cached import FILE, taught_per_sequence
from core.signal.codec import Codec
from core.signal.divergence import token_parts
from core.signal.live import LiveTeacher
from core.signal.readings import FOLDER, Readings, Shard, shards_of
from core.signal.signal import TeacherSignal, TopK
from core.training.regularizer import Regularizer

BATCH = 8  # sequences that the teacher reads at once
SAMPLED_SEQUENCES = 256  # sequences that tell how many tokens there are


def cache_signal(cfg: DictConfig, report: Report | None = None) -> None:
    """Write `teacher_cache/`: the teacher's likeliest tokens and their tail at each taught token.

    The teacher reads the corpus as it is once, if an arm learns from that, and `num_readings` times for
    regularizers that edit what it reads, in the precision in which students train. Under `accelerate
    launch` each process takes every n-th shard.
    The size and, after a first batch, the time are told before the work. Raises UserError when the disk is
    too small.
    """
    corpus, state = PackedCorpus.of(cfg), processes.state()
    sequences = corpus.sequences()
    shards = [
        shard
        for readings in readings_of_run(cfg)
        for shard in shards_of(cfg, len(sequences), readings)
    ]
    own = shards[state.process_index :: state.num_processes]
    todo = [shard for shard in own if not shard.artifact.is_done(cfg.overwrite)]
    if not todo:
        return tell_kept(run_folder(cfg) / FOLDER, report)
    model = run_teacher(cfg, corpus).to(state.device)
    vocab_size = len(model.get_output_embeddings().weight)  # type: ignore[arg-type]
    codec = Codec(min(cfg.cache.top_k, vocab_size - 1), vocab_size)
    readers = {
        name: EditedTeacher(model, codec, _editors(readings, corpus, sequences))
        for name, readings in {shard.readings.name: shard.readings for shard in todo}.items()
    }
    columns = ["input_ids", "position_ids", "labels"]
    texts = sequences.select_columns(columns).with_format("torch")
    done, total = 0, sum(len(shard.sequences) for shard in todo)
    with multiplying(state.device, cfg.training.precision):
        _announce(readers, texts, todo, run_folder(cfg))
        with reporting("cache", report) as show:
            for artifact, chosen, readings, seed in todo:
                for count in write_shard(artifact, readers[readings.name], texts, chosen, seed):
                    done += count
                    show(done, total, "")
    editors = [editor for reader in readers.values() for editor in reader.editors]
    told = [f", {key} {x:.2f}" for editor in editors for key, x in editor.metrics().items()]
    console.print(
        f"cache: {codec.row_bytes} bytes a token{''.join(told)} → {run_folder(cfg) / FOLDER}"
    )


def _editors(readings: Readings, corpus: PackedCorpus, sequences: Dataset) -> list[Regularizer]:
    editors: list[Regularizer] = [build(settings) for settings in readings.editors.values()]
    for editor in editors:
        editor.read_corpus(sequences, corpus.tokenizer)
    return editors


@dataclass(frozen=True)
class EditedTeacher:
    """A teacher, and the regularizers that edit what it reads and what it says."""

    model: PreTrainedModel
    codec: Codec
    editors: Sequence[Regularizer] = ()

    @property
    def token_bytes(self) -> int:
        """Bytes that are kept of a token."""
        return self.codec.row_bytes + (np.float16().nbytes if self.editors else 0)

    @torch.no_grad()
    def says(
        self, batch: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encode what the teacher says at the N taught tokens of a batch.

        Returns rows (N, row_bytes) and label weights (N,).
        """
        signal = self._read(
            {name: value.to(self.model.device) for name, value in batch.items()}, generator
        )
        assert signal.target is not None
        weight_N, vocab_size = signal.label_weight_N, self.codec.vocab_size
        rows = [np.zeros((0, self.codec.row_bytes), np.uint8)]
        for part in token_parts(len(weight_N), vocab_size, weight_N.device):
            rows.append(self.codec.encode(TopK.of(signal.target.rows(part), self.codec.k)))
        return np.concatenate(rows), weight_N.half().cpu().numpy()

    def _read(self, batch: dict[str, Tensor], generator: torch.Generator) -> TeacherSignal:
        """The signal of a batch: the editors change the batch, the teacher reads it, they map back."""
        read = batch
        for editor in self.editors:
            read = editor.edit_teacher_batch(read, None, generator)
        ones_N = torch.ones(len(taught_labels(batch["labels"])), device=self.model.device)
        signal = TeacherSignal(LiveTeacher(self.model).distributions(read), ones_N, ones_N)
        for editor in self.editors:
            signal = editor.edit_signal(signal, batch, None, generator)
        return signal


def write_shard(
    artifact: Artifact, reader: EditedTeacher, texts: Dataset, chosen: range, seed: int = 0
) -> Iterator[int]:
    """Write what the teacher says in the chosen sequences. Yields the number of sequences of each batch."""
    artifact.began = time.monotonic()
    generator = torch.Generator().manual_seed(seed)
    rows, weights, counts = [], [], []
    for start in range(chosen.start, chosen.stop, BATCH):
        batch = texts[start : min(start + BATCH, chosen.stop)]
        said, weight_N = reader.says(batch, generator)
        rows.append(said)
        weights.append(weight_N)
        counts.append(taught_per_sequence(batch["labels"]).numpy())
        yield len(batch["labels"])
    ends = np.concatenate(counts).cumsum().astype(np.int64)
    tensors = {"rows": np.concatenate(rows), "ends": ends}
    if reader.editors:
        tensors["label_weights"] = np.concatenate(weights)
    with artifact.writing(alone=True) as folder:
        about = {"k": str(reader.codec.k), "vocab_size": str(reader.codec.vocab_size)}
        save_file(tensors, folder / FILE, metadata=about)


def _announce(
    readers: Mapping[str, EditedTeacher], texts: Dataset, todo: Sequence[Shard], folder: Path
) -> None:
    """Say how large the cache will be and how long it will take, from a first batch."""
    taught = taught_per_sequence(texts[:SAMPLED_SEQUENCES]["labels"]).float().mean().item()
    tokens = size = seconds = 0.0
    for name, reader in readers.items():
        count = sum(len(shard.sequences) for shard in todo if shard.readings.name == name)
        began = time.monotonic()
        reader.says(texts[:BATCH], torch.Generator())
        seconds += (time.monotonic() - began) * count / min(BATCH, len(texts))
        tokens += taught * count
        size += taught * count * reader.token_bytes
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(
            f"the cache will take {size / 1e9:,.1f} GB and {folder} has {free / 1e9:,.1f} GB left:"
            " free some, or lower cache.top_k, cache.num_sequences or cache.num_readings"
        )
    console.print(
        f"cache: about {tokens:,.0f} tokens × {size / (tokens or 1):.0f} bytes:"
        f" {spelled_size(size / 1e9)}, {about(seconds)}"
    )
