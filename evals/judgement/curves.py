"""Accuracy against student tokens, as the arms that learn to solve problems logged it while they trained."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from core.runs.artifacts import run_folder
from core.training.loop import LOG
from evals.judgement.watch import INSIDE, LONGER

SHARE = 0.9  # of the teacher's accuracy, which is to be reached


def training_records(cfg: DictConfig) -> list[dict[str, Any]]:
    """A record for each look at each arm that was watched so: tokens taught until then, and accuracies."""
    records = []
    for arm in cfg.arms:
        tokens = 0
        for row in _log(run_folder(cfg) / "arms" / arm / LOG):
            tokens += int(row.get("taught_tokens", 0))
            if INSIDE in row and LONGER in row:
                records.append(
                    {
                        "method": arm,
                        "seed": cfg.seed,
                        "step": row["step"],
                        "student_tokens": tokens,
                        **{where: row[where] for where in (INSIDE, LONGER)},
                    }
                )
    return records


def _log(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def tokens_to_reach(
    records: Sequence[Mapping[str, Any]], method: str, seed: int, where: str, accuracy: float
) -> int | None:
    """The student tokens after which a method first has an accuracy; None where it never does."""
    own = [r for r in records if r["method"] == method and r["seed"] == seed]
    return next((r["student_tokens"] for r in own if r[where] >= accuracy), None)
