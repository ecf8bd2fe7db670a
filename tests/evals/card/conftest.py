"""The toy run of core/export, with scores of its core and of a control."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
from omegaconf import DictConfig

from core.export.source import source_of
from core.runs.artifacts import run_folder, write_json
from evals.scores import Score
from evals.verdict import Comparison
from tests.core.export.conftest import finish, make_source, toy_run

__all__ = ["make_source", "toy_run"]  # fixtures that are used here too


def score(arm: str, axis: str, value: float, **changes: object) -> Score:
    told = {"family": "all", "metric": "accuracy", "stderr": 0.01, "n": 40, "chance": 0.25}
    better = axis == "reasoning"
    return Score(arm, axis, value=value, **{**told, "higher_is_better": better, **changes})


OWN = [
    score("core", "recall", 0.05),
    score("core", "recall", -3.0, metric="logprob", chance=None),
    score("core", "reasoning", 0.9),
]
ATTACKED = [
    score("core", "relearn_disjoint", 0.04, step=0),
    score("core", "relearn_disjoint", 0.06, step=25),
]
CONTROL = [score("never_exposed", "recall", 0.04), score("never_exposed", "reasoning", 0.95)]
EVIDENCE = Comparison(
    *("kept", "recall", "all", "accuracy", None),
    value=0.05,
    stderr=0.01,
    against="never_exposed",
    limit=0.06,
    excess=-0.01,
)


def write_verdict(run: Path, evidence: Comparison = EVIDENCE) -> None:
    told = {"verdict": "forgotten", "evidence": [asdict(evidence)], "missing": []}
    write_json(run / "verdict.json", {"core": told})


def write_scores_of(
    folder: Path, inputs: dict[str, str], scores: Sequence[Score], name: str = "core"
) -> None:
    """What a stage measured of an arm or a model."""
    finish(folder / name, {}, inputs, {"scores.json": [asdict(one) for one in scores]})


def gather(run: Path, scores: Sequence[Score]) -> None:
    write_json(run / "scores.json", [asdict(one) for one in scores])


def measure(run: Path, fingerprint: str) -> None:
    write_scores_of(run / "evals", {"arm": fingerprint}, OWN)
    write_scores_of(run / "attacks", {"arm": fingerprint}, ATTACKED)


@pytest.fixture
def measured_run(toy_run: DictConfig) -> DictConfig:
    """The configuration of a finished run."""
    run = run_folder(toy_run)
    measure(run, source_of(toy_run).fingerprint)
    gather(run, [*OWN, *ATTACKED, *CONTROL])
    write_verdict(run)
    (run / "frontier.png").write_bytes(b"a picture")
    return toy_run
