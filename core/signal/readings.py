"""The teacher's readings of the corpus for a cache, and the shards that hold them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig

from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.runs.artifacts import Artifact, fingerprint_of, run_folder

VERSION = "3"  # raised when the same configuration gives another cache
FOLDER = "teacher_cache"


@dataclass(frozen=True)
class Readings:
    """One reading of the corpus as it is, or several in which regularizers edit what the teacher reads.

    `editors` holds the settings of these regularizers by name. They draw anew in each reading. `name` is the
    first arm that learns from the readings, and the folder that they lie in.
    """

    name: str = ""
    editors: Mapping[str, Any] = field(default_factory=dict)

    def count(self, cfg: DictConfig) -> int:
        """The number of readings."""
        return int(cfg.cache.num_readings) if self.editors else 1


class Shard(NamedTuple):
    """An artifact with some sequences of one reading, whose draws are seeded by `seed`."""

    artifact: Artifact
    sequences: range
    readings: Readings
    seed: int


def shards_of(cfg: DictConfig, num_sequences: int, readings: Readings) -> list[Shard]:
    """The shards in order: all of the first reading, then all of the second, and so on."""
    inputs = {"corpus": PackedCorpus.of(cfg).fingerprint}
    inputs["teacher"] = fingerprint_of(run_folder(cfg) / "teacher", "teach", inputs)
    count = min(num_sequences, cfg.cache.num_sequences or num_sequences)
    size, num_readings = int(cfg.cache.shard_sequences), readings.count(cfg)
    if min(size, int(cfg.cache.top_k), count, num_readings) < 1:
        raise UserError(
            "cache.shard_sequences, cache.top_k, cache.num_sequences and cache.num_readings must be 1 or more"
        )
    found = []
    for reading in range(num_readings):
        folder, drawn = _place(cfg, readings, reading)
        for number, first in enumerate(range(0, count, size)):
            sequences = range(first, min(first + size, count))
            settings = {"top_k": cfg.cache.top_k, "sequences": [sequences.start, sequences.stop]}
            artifact = Artifact(
                folder / f"shard-{number:05d}", settings | drawn, inputs, version=VERSION
            )
            # Each shard has its own seed, so that any process may write it at any time.
            seed = cfg.seed * 1_000_003 + number + reading * 2_147_483_647
            found.append(Shard(artifact, sequences, readings, seed))
    return found


def _place(cfg: DictConfig, readings: Readings, reading: int) -> tuple[Path, dict[str, Any]]:
    """The folder of one reading, and the settings that its draws depend on."""
    folder = run_folder(cfg) / FOLDER
    if not readings.editors:
        return folder, {}
    drawn = {
        "forgetting": readings.editors,
        "num_readings": readings.count(cfg),
        "reading": reading,
        "seed": cfg.seed,
    }
    return folder / readings.name / f"reading-{reading}", drawn
