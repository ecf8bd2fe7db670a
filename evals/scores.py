"""Scores: one number an arm, axis, family and metric, with its standard error and chance."""

import json
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import conf
from core.errors import UserError
from evals.probes.answer import Answer
from evals.probes.probe import AXES, KNOWLEDGE, MEMORY_AXES, Probe

STRANGER = "stranger"  # the teacher asked under renaming: no arm that is trained
# The order in which arms are told: what was given, the core, its controls, the others.
ARMS = (
    "teacher",
    "plain",
    "core",
    "never_exposed",
    "rebound",
    STRANGER,
    "deduplicated",
    "cross_entropy",
    "refuser",
)

NUM_LEAK_SAMPLES = 20
STRENGTH = re.compile(r"\d+(\.\d+)?")  # at the end of an arm's name
MAP = "map"  # the axis of scores that describe the memory map, not an arm
TEXT = "text"  # the axis of perplexity, which no probe asks for
TASKS = "lm_eval"  # the axis of lm-eval's tasks


@dataclass(frozen=True)
class Score:
    """A measured value. `family` is `all` for the mean over an axis; `step` is an attack's.

    `stderr` is None where nothing is known of it, as of a single probe. `chance` is what a guess would score
    (None for a metric that has no such floor).
    """

    arm: str
    axis: str
    family: str
    metric: str
    value: float
    stderr: float | None
    n: int
    chance: float | None
    higher_is_better: bool
    version: int = 1
    step: int | None = None


def summarize(arm: str, probes: Sequence[Probe], answers: Sequence[Answer]) -> list[Score]:
    """Score an arm by its answers: for each axis its mean (`all`) and its families.

    `answers` are in the probes' order. An axis without probes has no rows.
    """
    pairs = list(zip(probes, answers, strict=True))
    scores = []
    for axis in AXES:
        on_axis = [pair for pair in pairs if pair[0].axis == axis]
        families = sorted({probe.family for probe, _ in on_axis})
        for family in ["all", *families] if on_axis else []:
            members = [pair for pair in on_axis if family in ("all", pair[0].family)]
            scores += _summarize_family(arm, axis, family, members)
    return scores


def _summarize_family(
    arm: str, axis: str, family: str, pairs: list[tuple[Probe, Answer]]
) -> list[Score]:
    probes, answers = [probe for probe, _ in pairs], [answer for _, answer in pairs]
    wanted = axis not in (*MEMORY_AXES, KNOWLEDGE)  # of a memory, less is better
    scores = [accuracy(arm, axis, family, probes, answers, higher_is_better=wanted)]

    def add(metric: str, values: list[float], chance: float | None, better: bool) -> None:
        scores.append(
            Score(
                *(arm, axis, family, metric, fmean(values), error_of_mean(values), len(values)),
                chance,
                better,
            )
        )

    add("logprob", [answer.logprob for answer in answers], None, wanted)
    add("rank", [float(answer.rank) for answer in answers], None, not wanted)
    if axis == "recall":
        leaks = [leak(math.exp(answer.logprob)) for answer in answers]
        add("leak@20", leaks, fmean(leak(probe.chance or 0.0) for probe in probes), wanted)
    return scores


def error_of_mean(values: Sequence[float]) -> float | None:
    """The standard error of a mean; None of one value, which tells nothing of others."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def plus_minus(stderr: float | None, digits: int, scale: float = 1.0, sign: str = " ± ") -> str:
    """A standard error behind its value, or nothing where there is none."""
    return "" if stderr is None else f"{sign}{scale * stderr:.{digits}f}"


def leak(probability: float, num_samples: int = NUM_LEAK_SAMPLES) -> float:
    """How likely an answer of that probability is to be among so many samples: 1 − (1 − p)^n."""
    return 1 - (1 - probability) ** num_samples


def accuracy(
    arm: str,
    axis: str,
    family: str,
    probes: Sequence[Probe],
    answers: Sequence[Answer],
    *,
    higher_is_better: bool,
    step: int | None = None,
) -> Score:
    """The share of right answers, with its binomial standard error and the probes' mean chance.

    Of one probe there is no such error.
    """
    n = len(probes)
    share = fmean(answer.correct for answer in answers)
    chance = fmean(probe.chance or 0.0 for probe in probes)
    error = math.sqrt(share * (1 - share) / n) if n > 1 else None
    return Score(
        arm, axis, family, "accuracy", share, error, n, chance, higher_is_better, step=step
    )


def find(
    scores: Iterable[Score],
    arm: str,
    axis: str,
    *,
    family: str = "all",
    metric: str = "accuracy",
    step: int | None = None,
) -> Score | None:
    """The score of that description, or None where it wasn't measured."""
    wanted = (arm, axis, family, metric, step)
    return next((s for s in scores if (s.arm, s.axis, s.family, s.metric, s.step) == wanted), None)


def arms_of(scores: Iterable[Score]) -> list[str]:
    """The arms that have scores: those of `ARMS` in its order, then the others by name."""
    names = {score.arm for score in scores if score.axis != MAP}
    return [arm for arm in ARMS if arm in names] + sorted(names - set(ARMS))


def methods_of(scores: Iterable[Score]) -> dict[str, list[tuple[float, str]]]:
    """Strength and name of the arms called `<method>-<strength>`, by method, the weakest first.

    A method is made of ways to forget that are shipped, or has several strengths: models are called
    gpt-2, too.
    """
    methods: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for arm in arms_of(scores):
        method, _, strength = arm.rpartition("-")
        if method and STRENGTH.fullmatch(strength):
            methods[method].append((float(strength), arm))
    shipped = {path.stem for path in (Path(conf.__file__).parent / "forgetting").glob("*.yaml")}
    return {
        method: sorted(own)
        for method, own in sorted(methods.items())
        if len(own) > 1 or shipped >= {*method.split("+")}
    }


def worst_relearned(scores: Iterable[Score], arm: str) -> Score | None:
    """The most of half b that came back at any step after half a was taught again."""
    kind = (arm, "relearn_disjoint", "all")
    curve = [s for s in scores if (s.arm, s.axis, s.family) == kind and s.step]
    return max(curve, key=lambda score: score.value, default=None)


def kept(
    scores: Sequence[Score], arm: str, axis: str, baseline: str = "teacher"
) -> tuple[float, float | None] | None:
    """What an arm keeps of the baseline's accuracy above chance, with its standard error, if it has one.

    (accuracy − chance) / (baseline − chance), errors taken as independent. None where either
    wasn't measured, or the baseline is no better than chance.
    """
    own, base = find(scores, arm, axis), find(scores, baseline, axis)
    if own is None or base is None:
        return None
    gain, base_gain = own.value - (own.chance or 0.0), base.value - (base.chance or 0.0)
    if base_gain <= 0:
        return None
    ratio = gain / base_gain
    if own.stderr is None or base.stderr is None:
        return ratio, None
    return ratio, math.hypot(own.stderr, ratio * base.stderr) / base_gain


def over_seeds(runs: Sequence[Sequence[Score]]) -> list[Score]:
    """The mean of each score over several runs, with the standard error of that mean over the runs.

    One run stays as it is. A score that not every run has is left out.
    """
    if len(runs) == 1:
        return list(runs[0])
    by_key: dict[tuple[object, ...], list[Score]] = {}
    for score in (score for run in runs for score in run):
        by_key.setdefault(_key(score), []).append(score)
    merged = []
    for found in by_key.values():
        if len(found) == len(runs):
            values = [score.value for score in found]
            chances = [score.chance for score in found if score.chance is not None]
            merged.append(
                replace(
                    found[0],
                    value=fmean(values),
                    stderr=stdev(values) / math.sqrt(len(values)),
                    n=sum(score.n for score in found),
                    chance=fmean(chances) if chances else None,
                )
            )
    return merged


def lacking(runs: Sequence[Sequence[Score]]) -> dict[str, int]:
    """By arm, how many scores `over_seeds` leaves out, since not every run has them."""
    times = Counter(_key(score) for run in runs for score in run)
    return dict(Counter(str(key[0]) for key, count in times.items() if count < len(runs)))


def _key(score: Score) -> tuple[object, ...]:
    return score.arm, score.axis, score.family, score.metric, score.step


def write_scores(path: str | Path, scores: Iterable[Score]) -> None:
    """Write scores as a JSON list, whole or not at all; a step of None is left out."""
    rows = [asdict(score) for score in scores]
    rows = [{k: v for k, v in row.items() if k != "step" or v is not None} for row in rows]
    text = ",\n ".join(json.dumps(row, allow_nan=False) for row in rows)
    write_atomically(path, lambda part: part.write_text(f"[{text}]\n", encoding="utf-8"))


def read_scores(path: str | Path) -> list[Score]:
    """Read what `write_scores` wrote. Raises `UserError` when the file is missing or corrupt."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no scores at {path}; run `winnow eval` first")
    try:
        scores = [Score(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
        for score in scores:
            _check_types(score)
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is corrupt ({error}); delete it and run `winnow eval`") from None
    return scores


def _check_types(score: Score) -> None:
    for field in fields(score):
        value = getattr(score, field.name)
        kind: Any = field.type
        if kind in (float, float | None):
            kind = kind | int  # JSON writes a whole number without a point
        if not isinstance(value, kind):
            raise TypeError(f"{field.name} is {value!r}")


def write_atomically(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place; on failure, neither
    the temporary file nor a half-written one is left.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        write(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
