"""A search along the frontier: points that share a run, resumed for nothing, the best of them told."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.config import compose
from core.config.overrides import overrides_of
from core.errors import UserError
from core.runs.artifacts import plain
from evals.sweep import best, measure, measured_points, sweep

ROOT = Path(__file__).parents[2]
BOTH = {"recall": "minimize", "reasoning": "maximize"}
SEARCH = ["hydra/sweeper=optuna", "hydra/launcher=joblib"]


def point(name: str, recall: float, reasoning: float) -> dict[str, Any]:
    values = {"recall": recall, "reasoning": reasoning}
    scores = {axis: {"value": value, "stderr": 0.0} for axis, value in values.items()}
    return {"arm": name, "fingerprint": name, "options": {}, "scores": scores}


def test_the_best_points_are_those_that_none_beats() -> None:
    points = [
        point("middle", 0.3, 0.8),
        point("silent", 0.0, 0.2),
        point("beaten", 0.3, 0.7),
        point("able", 0.9, 0.9),
        point("like silent", 0.0, 0.2),
        point("worst", 1.0, 0.0),
    ]
    names = [found["arm"] for found in best(points, BOTH)]
    assert names == ["silent", "like silent", "middle", "able"]
    assert [p["arm"] for p in best(points, {"reasoning": "maximize"})] == ["able"]
    assert best([], BOTH) == []


def test_points_whose_arm_is_gone_or_another_do_not_count(tmp_path: Path) -> None:
    for name in ("there", "gone", "another"):
        (tmp_path / "sweep").mkdir(exist_ok=True)
        (tmp_path / "sweep" / f"{name}.json").write_text(json.dumps(point(name, 0, 1)))
        (tmp_path / "arms" / name).mkdir(parents=True)
        (tmp_path / "arms" / name / "artifact.json").write_text(json.dumps({"fingerprint": name}))
    shutil.rmtree(tmp_path / "arms" / "gone")
    (tmp_path / "arms" / "another" / "artifact.json").write_text('{"fingerprint": "x"}')
    assert [p["arm"] for p in measured_points(tmp_path, ["recall"])] == ["there"]
    assert measured_points(tmp_path, ["verbatim"]) == []


@pytest.mark.parametrize(
    ("objectives", "said"),
    [
        ({"recal": "minimize"}, "no 'recal'; did you mean 'recall'?"),
        ({"recall": "minimise"}, "no 'minimise'; did you mean 'minimize'?"),
    ],
)
def test_objectives_that_there_are_not_are_refused(
    configure, tmp_path: Path, objectives: dict[str, str], said: str
) -> None:
    cfg = configure("experiment=smoke", f"runs_dir={tmp_path}")
    cfg.sweep.objectives = objectives
    with pytest.raises(UserError, match=re.escape(said)):
        sweep(cfg, lambda measure: None)
    assert not list(tmp_path.iterdir())


def test_what_the_points_share_cannot_be_swept(configure, tmp_path: Path) -> None:
    base, other = (
        configure("experiment=smoke", f"runs_dir={tmp_path}", f"teacher.model.hidden_size={size}")
        for size in (16, 32)
    )
    with pytest.raises(UserError, match=r"teacher\.model\.hidden_size can't be swept"):
        measure(other, plain(base))


@pytest.fixture
def plugins() -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="the extra sweep")
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="the extra sweep")


@pytest.mark.usefixtures("plugins")
def test_a_search_space_is_checked_before_it_starts() -> None:
    [cfg] = compose.jobs([*SEARCH, "distill.label_weight=interval(0,1)", "run=x"], multirun=True)
    assert cfg.run == "x" and cfg.distill.label_weight == 0.5
    with pytest.raises(UserError, match=r"did you mean 'distill\.label_weight'"):
        compose.jobs([*SEARCH, "distill.label_wait=interval(0,1)"], multirun=True)
    with pytest.raises(UserError, match="seed takes a whole number"):
        compose.jobs([*SEARCH, "distill.label_weight=interval(0,1)", "seed=x"], multirun=True)


def test_without_the_extra_it_is_named() -> None:
    script = (
        "import sys; sys.modules['hydra_plugins.hydra_optuna_sweeper'] = None\n"
        "from core.cli.main import main; sys.exit(main(['distill', '-m', 'experiment=tiny/sweep']))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "pip install -c constraints.txt -e '.[sweep]'" in done.stderr.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.usefixtures("plugins")
def test_the_shipped_sweep_shares_a_run_and_goes_on(winnow, tmp_path: Path) -> None:
    """With the budget of the smoke run: two points side by side, then a third."""
    smoke = yaml.safe_load((compose.CONF / "experiment" / "smoke.yaml").read_text())
    budget = {key: smoke[key] for key in ("corpus", "teacher", "distill")}
    command = ["distill", "-m", "experiment=tiny/sweep", f"runs_dir={tmp_path}"]
    command += [f"++{line}" for line in overrides_of([], budget)]
    tiny = tmp_path / "tiny"

    def arms(num_points: int, jobs: int) -> dict[str, int]:
        done = winnow(*command, f"hydra.sweeper.n_trials={num_points}", f"jobs={jobs}")
        assert done.returncode == 0, done.stderr
        told = re.findall(
            r"forgetting\.fresh_embeddings\.strength=(\S+).* → (\S+)$", done.stdout, re.M
        )
        assert told and f"the best of {num_points} points" in done.stdout
        assert all((Path(folder) / "model.safetensors").exists() for _, folder in told)
        return {path.parent.name: path.stat().st_mtime_ns for path in tiny.glob("arms/*/art*.json")}

    first = arms(2, jobs=2)
    assert len(first) == 3 and "deduplicated" in first, "two points, and what the map refers to"
    teacher = (tiny / "teacher" / "artifact.json").stat().st_mtime_ns
    second = arms(3, jobs=1)
    assert len(second) == 4 and all(second[name] == first[name] for name in first)
    assert (tiny / "teacher" / "artifact.json").stat().st_mtime_ns == teacher
    records = [json.loads(path.read_text()) for path in (tiny / "sweep").glob("*.json")]
    strengths = {record["options"]["forgetting.fresh_embeddings.strength"] for record in records}
    assert len(records) == 3 and len(strengths) > 1
    made = json.loads((tiny / "arms" / records[0]["arm"] / "artifact.json").read_text())
    assert (
        made["made_from"]["config"]["forgetting"]["fresh_embeddings"]["strength"]
        == records[0]["options"]["forgetting.fresh_embeddings.strength"]
    )
