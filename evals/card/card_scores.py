"""The scores of the checkpoint that is exported, and of no other one.

Scores lie in `evals/<arm>/`, `attacks/<arm>/` and the like of a run, each marked with the fingerprint
of the checkpoint that was measured; `scores.json` gathers them, as means when the run has several seeds.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from omegaconf import DictConfig

from core.errors import UserError
from core.export.source import TEACHER, Source
from core.runs.artifacts import MARK, SCORE_FOLDERS, read_json, run_folder, verify
from evals.scores import Score, read_scores
from evals.subjects import PICTURE, SCORES, VERDICT
from evals.verdict import Comparison

ATTACKS = "attacks"

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Verdict:
    """One arm's entry in `verdict.json`."""

    verdict: str
    evidence: list[Comparison]
    missing: list[str]


@dataclass(frozen=True)
class CardScores:
    """What was measured.

    `own`: scores of this checkpoint; `attacked`: the keys of those that attacks measured. `whole`:
    `scores.json`, all arms, over all `seeds`. `verdict`: on the arm. `picture`: the frontier's file.
    """

    own: list[Score] = field(default_factory=list)
    attacked: frozenset[Key] = frozenset()
    whole: list[Score] = field(default_factory=list)
    verdict: Verdict | None = None
    picture: Path | None = None
    seeds: list[int] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of all scores and the verdict."""
        verdict = None if self.verdict is None else asdict(self.verdict)
        scores = [list(map(asdict, some)) for some in (self.own, self.whole)]
        text = json.dumps([*scores, verdict, self.seeds], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def card_scores_of(cfg: DictConfig, source: Source) -> CardScores:
    """Collect what the run knows of a checkpoint.

    Args:
        cfg: the composed configuration.
        source: the checkpoint.

    Returns:
        Its scores and the verdict on it; empty where it wasn't measured.

    Raises:
        UserError: the scores are another checkpoint's, or `scores.json` or the verdict is older than the
            scores that it is made from.
    """
    run = run_folder(cfg)
    seeds = cfg.seeds if source.kind == "arm" else []
    parts = [run / f"seed_{seed}" for seed in seeds] or [run]
    measured = [_measured(part, source, first=part == source.run) for part in parts]
    by_seed = [[score for scores in one.values() for score in scores] for one in measured]
    if not by_seed[0]:
        return CardScores(seeds=_seeds(cfg))
    if not (run / SCORES).exists():
        raise UserError(f"{run / SCORES} is missing: run `winnow report run={cfg.run}` first")
    whole = read_scores(run / SCORES)
    for part in parts:
        _check_controls(part, {score.arm for score in whole})
    _check_gathered(run / SCORES, [s for s in whole if s.arm == source.name], by_seed)
    picture = run / PICTURE
    return CardScores(
        by_seed[0],
        frozenset(map(key_of, measured[0].get(ATTACKS, []))),
        whole,
        _verdict(run / VERDICT, source.name, whole),
        picture if picture.exists() else None,
        _seeds(cfg),
    )


def _seeds(cfg: DictConfig) -> list[int]:
    return list(cfg.seeds) or [cfg.seed]


def _measured(run: Path, source: Source, *, first: bool) -> dict[str, list[Score]]:
    """Read the scores of the arm in one seed's folder.

    Args:
        run: the folder of the seed.
        source: the checkpoint that is exported.
        first: whether the folder is of the exported checkpoint's own seed.

    Returns:
        Scores by what measured them, such as `attacks`.

    Raises:
        UserError: they are another checkpoint's.
    """
    if source.kind == "model" or first:
        expected = source.fingerprint
    else:  # the same arm of another seed
        folder = run / TEACHER if source.name == TEACHER else run / "arms" / source.name
        expected = read_json(folder / MARK)["fingerprint"]
    scores: dict[str, list[Score]] = {}
    for kind in SCORE_FOLDERS:
        folder = run / kind / source.name
        if not folder.exists():
            continue
        mark = read_json(folder / MARK)
        measured = mark["made_from"]["inputs"].get(source.kind)
        if measured != expected:
            verb = "attack" if kind == ATTACKS else "eval"
            raise UserError(
                f"{folder} holds the scores of another checkpoint ({_short(measured)}, this one is"
                f" {_short(expected)}): run `winnow {verb}` again, then `winnow report`"
            )
        verify(folder, mark)
        # A pretrained teacher's folder has the stranger control's scores too.
        scores[kind] = [s for s in read_scores(folder / SCORES) if s.arm == source.name]
    return scores


def _check_controls(run: Path, arms: set[str]) -> None:
    """Raise UserError where an arm that it is compared with was made again after it was measured."""
    for arm in sorted(arms):
        folder = run / TEACHER if arm == TEACHER else run / "arms" / arm
        mark = run / "evals" / arm / MARK
        if (folder / MARK).exists() and mark.exists():
            measured = read_json(mark)["made_from"]["inputs"].get("arm")
            if measured != read_json(folder / MARK)["fingerprint"]:
                raise UserError(
                    f"{mark.parent} holds the scores of another {arm} than {folder}:"
                    " run `winnow eval` again, then `winnow report`"
                )


def key_of(score: Score | Comparison) -> Key:
    """What was measured, whichever arm it is of: axis, family, metric and step."""
    return score.axis, score.family, score.metric, score.step


def _check_gathered(
    path: Path, gathered: Sequence[Score], by_seed: Sequence[Sequence[Score]]
) -> None:
    """Raise UserError unless `scores.json` holds the means of the seeds' scores, and all of them."""
    seeds = [{key_of(score): score.value for score in scores} for scores in by_seed]
    common = set(seeds[0]).intersection(*seeds[1:])
    told = {key_of(score): score.value for score in gathered}
    same = set(told) == common and all(
        math.isclose(value, fmean(seed[key] for seed in seeds), abs_tol=1e-9)
        for key, value in told.items()
    )
    if not same:
        raise UserError(
            f"{path} doesn't hold the latest scores of this checkpoint: run `winnow report` again"
        )


def _verdict(path: Path, arm: str, whole: Sequence[Score]) -> Verdict | None:
    """Read the verdict on the arm.

    Args:
        path: of `verdict.json`.
        arm: its name.
        whole: the scores of `scores.json`.

    Returns:
        The verdict, or None where there is none.

    Raises:
        UserError: a score that it speaks of isn't the one in `scores.json`.
    """
    found = read_json(path).get(arm) if path.exists() else None
    if found is None:
        return None
    told = {key_of(score): score.value for score in whole if score.arm == arm}
    evidence = [Comparison(**row) for row in found["evidence"]]
    for one in evidence:
        if one.claim != "broken" and told.get(key_of(one)) != one.value:
            raise UserError(f"{path} is older than the scores: run `winnow report` again")
    return Verdict(found["verdict"], evidence, found["missing"])


def _short(fingerprint: str | None) -> str:
    if fingerprint is None:
        return "unmarked"
    return fingerprint if len(fingerprint) <= 16 else f"{fingerprint[:32]}…"


def main_scores(scores: Sequence[Score], arm: str) -> list[Score]:
    """Pick what a card tells of an arm: the mean over each axis, or its families where there is none.

    Likelihoods and ranks are left out, and so is what only gauges an attack: the learning of false facts.

    Args:
        scores: of any arms.
        arm: its name.

    Returns:
        The scores to tell, in their order.
    """
    own = [s for s in scores if s.arm == arm and s.metric not in ("logprob", "rank")]
    whole = {(s.axis, s.metric) for s in own if s.family == "all"}
    return [
        s
        for s in own
        if (s.family == "all" or (s.axis, s.metric) not in whole)
        and not (s.higher_is_better and s.step is not None)
    ]


def worst_steps(scores: Sequence[Score]) -> Iterator[Score]:
    """Of each attack's steps the one at which most came back."""
    worst: dict[Key, Score] = {}
    for score in scores:
        key = (score.axis, score.family, score.metric)
        if key not in worst or score.value > worst[key].value:
            worst[key] = score
    yield from worst.values()
