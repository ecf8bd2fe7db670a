"""`winnow distill -m` with `sweep.objectives`: the points of a sweep, and the best of them.

Each point is an arm of its own, named after what it is distilled with: a sweep that was killed, or another
one that comes to the same point, takes what is there. Corpus, teacher and map are those of the run.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from omegaconf import DictConfig, open_dict

from core.arms.distill import distill
from core.arms.settings import arm_of, forgetting_of
from core.cli.run import make, needs_of
from core.config.compose import flatten
from core.errors import UserError, nearest
from core.runs.artifacts import MARK, arm_name, plain, read_json, run_folder, write_json
from core.runs.console import console
from evals.probes.probe import AXES
from evals.scores import find, plus_minus, read_scores
from evals.stage import evaluate
from evals.subjects import SCORES

FOLDER = "sweep"  # of the run: a record of each point
BETTER = {"minimize": 1, "maximize": -1}  # the sign with which less is better
# What may differ between points; the rest is shared, or only says where and how the work is done.
SWEPT = ("student", "forgetting", "distill", "arms")

Point = Callable[[DictConfig], tuple[float, ...]]


def sweep(cfg: DictConfig, launch: Callable[[Point], None]) -> None:
    """Make what the points share, let `launch` do `measure` at each of them, and tell the best ones.

    `cfg` is the configuration without what is swept. Raises UserError for unknown objectives.
    """
    for axis, direction in cfg.sweep.objectives.items():
        for word, known in ((axis, AXES), (direction, BETTER)):
            if word not in known:
                hint = nearest(str(word), known) or f"; choose {', '.join(known)}"
                raise UserError(f"sweep.objectives: no '{word}'{hint}")
    arm_of(cfg)
    make(cfg, "map", *needs_of(cfg, arm_name(cfg)))
    launch(partial(measure, base=plain(cfg)))
    _tell(cfg)


def measure(cfg: DictConfig, base: Mapping[str, Any]) -> tuple[float, ...]:
    """Distil and evaluate one point: its accuracy on the axis of each objective, in their order.

    Raises UserError for a point that differs from the sweep's `base` in what the points share.
    """
    old, new = _options(base), _options(plain(cfg))
    for key in sorted(key for key in old | new if old.get(key) != new.get(key)):
        if not _is_swept(key):
            raise UserError(
                f"{key} can't be swept with sweep.objectives, for the points share one run: "
                f"only {', '.join(SWEPT)} can"
            )
    torch.set_num_threads(int(cfg.threads or 1))  # of several processes, each one
    arm = arm_of(cfg)
    made_with = {
        "arm": plain(arm),
        "student": plain(cfg.student),
        "forgetting": forgetting_of(cfg, arm),
        "distill": plain(cfg.distill),
    }
    digest = hashlib.sha256(json.dumps(made_with, sort_keys=True).encode()).hexdigest()
    name = f"{arm_name(cfg)}_{digest[:8]}"
    with open_dict(cfg):
        cfg.arms[name] = arm
        cfg.arm = name
    run = run_folder(cfg)
    (run / FOLDER).mkdir(exist_ok=True)
    with FileLock(run / FOLDER / f"{name}.lock"):  # two workers may be given the same point
        distill(cfg)
        evaluate(cfg)
    scores = read_scores(run / "evals" / name / SCORES)
    found = [find(scores, name, axis) for axis in cfg.sweep.objectives]
    for axis, score in zip(cfg.sweep.objectives, found, strict=True):
        if score is None:
            raise UserError(f"sweep.objectives: there are no probes of '{axis}'")
    told: dict[str, dict[str, Any]] = {
        axis: {"value": score.value, "stderr": score.stderr}
        for axis, score in zip(cfg.sweep.objectives, found, strict=True)
        if score is not None
    }
    mark = read_json(run / "arms" / name / MARK)["fingerprint"]
    record = {"arm": name, "fingerprint": mark, "options": new, "scores": told}
    write_json(run / FOLDER / f"{name}.json", record)
    return tuple(score.value for score in found if score is not None)


def _options(cfg: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in flatten(cfg) if not isinstance(value, dict)}


def _is_swept(key: str) -> bool:
    return key.partition(".")[0] in SWEPT


def best(points: Sequence[Mapping[str, Any]], objectives: Mapping[str, str]) -> list[Any]:
    """The points that no other is better than in one objective and as good in the rest, in their order."""
    signs = {axis: BETTER[direction] for axis, direction in objectives.items()}
    cost = [[sign * p["scores"][axis]["value"] for axis, sign in signs.items()] for p in points]

    def beaten(own: list[float]) -> bool:
        return any(
            other != own and all(a <= b for a, b in zip(other, own, strict=True)) for other in cost
        )

    front = [(own, point) for own, point in zip(cost, points, strict=True) if not beaten(own)]
    return [point for _, point in sorted(front, key=lambda pair: pair[0])]


def measured_points(run: Path, objectives: Sequence[str]) -> list[dict[str, Any]]:
    """Of all sweeps of this run, the points with these objectives whose arms are still there."""
    points = [read_json(path) for path in sorted((run / FOLDER).glob("*.json"))]
    return [
        point
        for point in points
        if set(objectives) <= set(point["scores"])
        and (run / "arms" / point["arm"] / MARK).exists()
        and read_json(run / "arms" / point["arm"] / MARK)["fingerprint"] == point["fingerprint"]
    ]


def _tell(cfg: DictConfig) -> None:
    run = run_folder(cfg)
    points = measured_points(run, list(cfg.sweep.objectives))
    front = best(points, cfg.sweep.objectives)
    known = sorted({key for point in points for key in point["options"] if _is_swept(key)})
    differing = [k for k in known if len({json.dumps(p["options"].get(k)) for p in points}) > 1]
    console.print(f"the best of {len(points)} points, by the first objective:", style="bold")
    for point in front:
        scores = [
            f"{axis} {100 * point['scores'][axis]['value']:.1f}"
            f"{plus_minus(point['scores'][axis]['stderr'], 1, 100)} %"
            for axis in cfg.sweep.objectives
        ]
        options = " ".join(f"{key}={point['options'].get(key)}" for key in differing)
        line = f"  {' · '.join(scores)} · {options} → {run / 'arms' / point['arm']}"
        console.print(line, markup=False)  # an option's value may stand in brackets
