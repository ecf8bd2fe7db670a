"""The records of all lives: one for each seed, method and night."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from core.night.night import RECORD
from core.runs.artifacts import MARK, read_json, run_folder
from evals.night.lives import DIRECT
from evals.night.stage import EVENING, LIVES, MEASURES

FIELDS = (
    *("new_skill", "facts_closed", "facts_control", "facts_store", "facts_forgotten"),
    "earlier_skills",
)


def records_of(runs: Sequence[DictConfig]) -> list[dict[str, Any]]:
    """The records of the runs, one of each seed, in order; without the yardstick, which stands in each."""
    found = []
    for cfg in runs:
        lives = run_folder(cfg) / LIVES
        direct = {night: data for night, data in _nights(lives / DIRECT)}
        for folder in sorted(lives.glob("*/")):
            if folder.name == DIRECT:
                continue
            for night, data in _nights(folder):
                record = _record(int(cfg.seed), folder.name, night, data, direct.get(night))
                evening = read_json(lives / EVENING)["earlier_skills"]
                found.append({**record, "earlier_skills_evening": evening})
    return found


def _nights(folder: Path) -> list[tuple[int, dict[str, Any]]]:
    numbers = sorted(int(mark.parent.name) for mark in folder.glob(f"[0-9]*/{MARK}"))
    return [
        (n, {**read_json(folder / str(n) / RECORD), **read_json(folder / str(n) / MEASURES)})
        for n in numbers
    ]


def _record(
    seed: int, method: str, night: int, data: dict[str, Any], direct: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "seed": seed,
        "method": method,
        "night": night,
        **{name: data[name] for name in FIELDS},
        "new_skill_direct": direct["new_skill"] if direct else None,
        "diversity": data["written"]["diversity"],
        "seconds": data["seconds"],
        "steps": data["steps"],
        "kept": data.get("kept", True),
        "tokens_of_day": data["tokens_of_day"],
        "new_skills": data["new_skills"],
        "families": data["families"],
        "corpus_facts": data["corpus_facts"],
        "earlier_facts": data["earlier_facts"],
        "notes": data["notes"],
        "by_family": data["by_family"],
        "written": data["written"],
        "relearned": data.get("relearned"),
    }
