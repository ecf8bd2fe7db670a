"""The table that compares styles, from scores made by hand."""

from pathlib import Path

import pytest

from core.cli.run import by_style, runs_of
from core.errors import UserError
from evals.report import stage
from evals.report.styles import styles_markdown, styles_tables
from evals.scores import MAP, Score


def measured(recall: float) -> list[Score]:
    def score(
        arm: str, axis: str, value: float, metric: str = "accuracy", step: int | None = None
    ) -> Score:
        better = axis in ("open_book", "reasoning", MAP)
        return Score(arm, axis, "all", metric, value, 0.01, 100, 0.05, better, step=step)

    return [
        score("core", "recall", recall),
        score("core", "recall", 0.31, "leak@20"),
        score("never_exposed", "recall", 0.04),
        score("rebound", "recall", 0.04),
        score("rebound", "recall", 0.32, "leak@20"),
        score("core", "relearn_disjoint", 0.05, step=25),
        score("core", "relearn_disjoint", 0.07, step=100),
        score("rebound", "relearn_disjoint", 0.07, step=25),
        score("rebound", "relearn_disjoint", 0.07, step=100),
        *(score(arm, "open_book", 0.9) for arm in ("core", "plain")),
        *(score(arm, "reasoning", 0.8) for arm in ("core", "plain")),
        score("memory_map", MAP, 0.95, "recall"),
        score("memory_map", MAP, 0.85, "precision"),
        score("memory_map", MAP, 0.002, "skill_flagged"),
    ]


def test_a_row_a_style_with_a_dash_where_nothing_was_measured() -> None:
    table = styles_markdown({"plain": measured(0.05), "tables": measured(0.4), "lowercase": []})
    head, _, plain, tables, nothing = table.splitlines()
    names = [cell.strip() for cell in head.strip("|").split("|")]
    row = dict(zip(names, (c.strip() for c in plain.strip("|").split("|")), strict=True))
    assert row == {
        "style": "plain",
        "recall, core": "5.0 ± 1.0",
        "recall, never_exposed": "4.0 ± 1.0",
        "leak@20, core": "31.0 ± 1.0",
        "leak@20, rebound": "32.0 ± 1.0",
        "half b relearned": "7.0 ± 1.0",
        "verdict": "forgotten",
        "open-book, core": "90.0 ± 1.0",
        "open-book, plain": "90.0 ± 1.0",
        "open-book, deduplicated": "–",
        "reasoning, core": "80.0 ± 1.0",
        "reasoning, plain": "80.0 ± 1.0",
        "reasoning, deduplicated": "–",
        "map recall": "95.0 ± 1.0",
        "map precision": "85.0 ± 1.0",
        "skill flagged": "0.2 ± 1.0",
    }
    assert tables.startswith("| tables | 40.0 ± 1.0 |") and "| kept |" in tables
    assert nothing.count("–") == len(names) - 1


def test_the_tables_have_every_style() -> None:
    for table in styles_tables({"plain": measured(0.05), "tables": measured(0.4)}):
        assert table.row_count == 2


def test_a_run_over_styles_has_a_part_for_each_seed_of_each(configure) -> None:
    cfg = configure("run=r", "styles=[plain,tables]", "seeds=[4,5]")
    found = [
        (one.run, one.corpus.style, one.corpus.seed, one.watch.corpus.style) for one in runs_of(cfg)
    ]
    assert found == [
        (f"r/style_{style}/seed_{seed}", style, seed, style)
        for style in ("plain", "tables")
        for seed in (4, 5)
    ]
    assert [one.run for one in by_style(configure("run=r"))] == ["r"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["styles=[tabels]"], "did you mean 'tables'"),
        (["styles=[plain]", "corpus=jsonl", "corpus.path=F"], "corpus=world"),
    ],
)
def test_a_style_that_cannot_be_is_refused(configure, change: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        runs_of(configure(*change))


def test_each_style_is_reported_by_itself_and_then_all(
    configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg = configure("run=r", f"runs_dir={tmp_path}", "styles=[plain,tables]")
    reported = []

    def report_one(one) -> list[Score]:
        reported.append(one.run)
        return measured(0.05)

    monkeypatch.setattr(stage, "_report", report_one)
    stage.report(cfg)
    assert reported == ["r/style_plain", "r/style_tables"]
    assert (tmp_path / "r" / "styles.md").read_text().count("\n") == 4
    assert "What is left of memory" in capsys.readouterr().out
