"""What the stages of a run took, by their artifacts."""

from pathlib import Path

import pytest

from core.runs.artifacts import MARK, write_json
from evals.report.html import write_report
from evals.report.times import stage_times, times_html


def mark(folder: Path, seconds: float | None) -> None:
    folder.mkdir(parents=True)
    told = {} if seconds is None else {"seconds": seconds}
    write_json(folder / MARK, {"fingerprint": "x", "made_from": {}, **told})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for place, seconds in {
        "corpus": 6.0,
        "teacher": 120.0,
        "arms/core": 240.0,
        "arms/never_exposed": 60.0,
        "arms/plain.partial": 1000.0,
        "teacher_cache/shard-00000": 30.0,
        "teacher_cache/shard-00001": 30.0,
        "evals/core": 114.0,
        "attacks/core": None,  # made before artifacts told their time
        "own_probes": 12.0,
        "scorers/renaming": 18.0,
        "lives/sleep/1": 36.0,
        "lives/sleep/2": 24.0,
        "lives/replay/1": 30.0,
        "export/core/hf": 1000.0,
    }.items():
        mark(tmp_path / "run" / place, seconds)
    return tmp_path / "run"


def test_each_stage_and_arm_has_its_time(run: Path) -> None:
    assert stage_times([run]) == {
        "corpus": {"": 6.0},
        "teacher": {"": 120.0},
        "teacher_cache": {"": 60.0},
        "arms": {"core": 240.0, "never_exposed": 60.0},
        "evals": {"core": 114.0},
        "own_probes": {"": 12.0},
        "scorers": {"renaming": 18.0},
        "lives": {"sleep": 60.0, "replay": 30.0},
    }
    assert stage_times([run, run])["arms"]["core"] == 480.0, "of seeds the sum"


def test_the_page_ends_with_it(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    write_report(
        page,
        scores=[],
        samples_by_arm={},
        manifest={"a": "b"},
        map_examples=[],
        times=stage_times([run]),
    )
    last = page.read_text(encoding="utf-8").rpartition("<section>")[2]
    assert last.startswith("<h2>Where its time went</h2>")
    assert "distill</th><td>5.0</td><td>42\u00a0%</td><td>core 4.0, never exposed 1.0</td>" in last
    assert "nights</th><td>1.5</td><td>12\u00a0%</td><td>sleep 1.0, replay 0.5</td>" in last
    assert "all</th><td>12.0</td>" in last
    write_report(page, scores=[], samples_by_arm={}, manifest={"a": "b"}, map_examples=[])
    assert "Where its time went" not in page.read_text(encoding="utf-8")
    assert times_html({}) == ""
