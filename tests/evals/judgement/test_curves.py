"""Accuracy against student tokens, read off the arms' logs; and what the report makes of the records."""

import json
from pathlib import Path

import pytest

from evals.judgement.curves import tokens_to_reach, training_records
from evals.report.html import write_report
from evals.report.judgement import draw_training, draw_values
from evals.report.judgement_tables import judgement_html

LOG = [
    {"step": 10, "loss": 2.0, "taught_tokens": 100},
    {"step": 20, "loss": 1.0, "taught_tokens": 100, "inside": 0.4, "longer": 0.1},
    {"step": 30, "loss": 0.9, "taught_tokens": 50},
    {"step": 40, "loss": 0.5, "taught_tokens": 70, "inside": 0.9, "longer": 0.2},
]


@pytest.fixture
def records(configure, tmp_path: Path) -> dict:
    cfg = configure("experiment=tiny/judgement", f"runs_dir={tmp_path}")
    for arm in ("on_policy", "outcome"):
        folder = tmp_path / cfg.run / "arms" / arm
        folder.mkdir(parents=True)
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in LOG))
    teacher = {"method": "teacher", "seed": 0, "step": 0, "student_tokens": 0}
    value = {"arm": "core", "seed": 0, "head": "head", "where": "inside", "calibration": 0.02}
    value |= {f"auroc_{part}": 0.8 for part in (0.25, 0.5, 0.75)} | {"ranking": None}
    example = {
        "prompt": "Add: 1 + 2 =>",
        "words": ["1", "so"],
        "values": [0.2, 0.9],
        "first_wrong": None,
    }
    return {
        "training": [*training_records(cfg), {**teacher, "inside": 0.9, "longer": 0.3}],
        "value": [value],
        "decoding": [
            {
                "arm": "core",
                "method": "majority vote",
                "where": "inside",
                "solutions": 4,
                "tokens": 90.0,
                "accuracy": 0.75,
                "accuracy_stderr": 0.03,
            }
        ],
        "attack": [
            {"arm": "core", "attack": "random tokens", "guarded": g, "false_positives": 0.5}
            for g in (True, False)
        ],
        "example": [
            {**example, "right": True},
            {**example, "right": False, "first_wrong": 1},
        ],
    }


def test_tokens_add_up_between_looks(records) -> None:
    own = [row for row in records["training"] if row["method"] == "on_policy"]
    assert [row["student_tokens"] for row in own] == [200, 320]
    assert [row["inside"] for row in own] == [0.4, 0.9]


def test_the_tokens_to_an_accuracy_are_those_of_the_first_look_that_has_it(records) -> None:
    rows = records["training"]
    assert tokens_to_reach(rows, "on_policy", 0, "inside", 0.4) == 200
    assert tokens_to_reach(rows, "on_policy", 0, "inside", 0.8) == 320
    assert tokens_to_reach(rows, "on_policy", 0, "longer", 0.8) is None


def test_the_pictures_are_drawn(records, tmp_path: Path) -> None:
    for draw in (draw_training, draw_values):
        draw(records, tmp_path / "picture.svg")
        svg = (tmp_path / "picture.svg").read_text()
        for word in ("on policy", "longer") if draw is draw_training else ("comes out wrong",):
            assert word in svg or word == "longer"


def test_the_page_has_the_tables_and_both_pictures(records, tmp_path: Path) -> None:
    html = judgement_html(records)
    for told in ("<td>320</td>", "0.800", "90.0", "75.0", "50.0", "on policy"):
        assert told in html, told
    path = tmp_path / "report.html"
    write_report(
        path, scores=[], samples_by_arm={}, manifest={}, map_examples=[], judgement=records
    )
    page = path.read_text()
    assert page.count('class="curves"') == 2 and "Head and feeling" in page


def test_a_run_without_judgement_has_no_section(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, scores=[], samples_by_arm={}, manifest={}, map_examples=[])
    assert "Judgement" not in path.read_text()
