import json

import pytest

from core.runs.artifacts import MARK, write_json
from evals.night.records import records_of
from evals.report.night_curves import draw_nights
from evals.report.nights import nights_html, write_nights

WRITTEN = {"diversity": 0.8, "families": 9.0}


def night(folder, number, *, skill, tokens=2000, **changes):
    """One night of a life, as the stage leaves it."""
    own = folder / str(number)
    own.mkdir(parents=True)
    write_json(own / MARK, {})
    write_json(own / "night.json", {"seconds": 4.0, "steps": 10, "tokens_of_day": tokens})
    measures = {
        "new_skill": skill,
        "new_skills": {f"family {n}": skill for n in range(1, number + 1)},
        "families": [f"family {number}"],
        "corpus_facts": 0.05,
        "facts_closed": 0.05,
        "facts_control": 0.04,
        "facts_store": None,
        "facts_forgotten": None,
        "earlier_skills": 0.9,
        "earlier_facts": None,
        "notes": 0.0,
        "by_family": {},
        "written": WRITTEN,
        **changes,
    }
    write_json(own / "measures.json", measures)


@pytest.fixture
def cfg(configure, tmp_path):
    cfg = configure("experiment=tiny/night", f"runs_dir={tmp_path}", "seeds=[]", "seed=4")
    lives = tmp_path / cfg.run / "lives"
    lives.mkdir(parents=True)
    write_json(lives / "evening.json", {"kinds": ["Sort:"], "earlier_skills": 0.95})
    for number in (1, 2):
        night(lives / "sleep", number, skill=0.5 * number, facts_store=1.0)
        night(lives / "finetune", number, skill=0.4)
        night(lives / "direct", number, skill=0.8)
    night(lives / "sleep", 3, skill=0.0, tokens=0, written={"diversity": 0.4})
    return cfg


def test_a_record_for_each_method_and_night_with_the_yardstick_beside(cfg):
    records = records_of([cfg])
    assert [(r["seed"], r["method"], r["night"]) for r in records] == [
        (4, "finetune", 1),
        (4, "finetune", 2),
        (4, "sleep", 1),
        (4, "sleep", 2),
        (4, "sleep", 3),
    ]
    assert [r["new_skill_direct"] for r in records[:4]] == [0.8] * 4
    assert records[-1]["new_skill_direct"] is None
    wanted = {
        *("new_skill", "new_skill_direct", "facts_closed", "facts_control", "facts_store"),
        *("facts_forgotten", "earlier_skills", "diversity", "seconds"),
    }
    assert all(wanted <= record.keys() for record in records)


def test_the_table_tells_means_and_what_is_left(cfg, tmp_path):
    records = records_of([cfg])
    text = write_nights(tmp_path, records)
    assert json.loads((tmp_path / "nights.json").read_text()) == records
    head, _, sleep, finetune = text.splitlines()
    cells = dict(zip(head.split(" | "), sleep.split(" | "), strict=True))
    assert cells["| method"] == "| sleep"
    assert cells["new skill"] == "75.0" and cells["from the store"] == "100.0"
    assert cells["of direct"] == f"{100 * (0.5 / 0.8 + 1.0 / 0.8) / 2:.1f}"
    assert cells["earlier kept"] == f"{100 * 0.9 / 0.95:.1f}"
    assert cells["varied"] == "50.0" and cells["seconds |"] == "2.0 |"
    records[2]["seconds"] = None  # interrupted
    assert write_nights(tmp_path, records).splitlines()[2].endswith(" 2.0 |")
    assert finetune.startswith("| finetune | 40.0 |")
    assert "<table>" in nights_html(records) and nights_html([]) == ""


def test_the_picture_has_a_panel_for_each_way_to_live(cfg, tmp_path):
    draw_nights(records_of([cfg]), tmp_path / "nights.svg")
    drawn = (tmp_path / "nights.svg").read_text()
    for word in ("sleep", "finetune", "family 1", "family 2", "earlier skills", "night"):
        assert f">{word}<" in drawn
    assert ">replay<" not in drawn
