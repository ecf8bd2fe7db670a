import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from evals.report.console import markdown_table, result_tables
from evals.report.html import write_report
from evals.report.measured import measured_table
from evals.scores import Score


def lines(scores, width=120) -> dict[str, list[str]]:
    printed = StringIO()
    console = Console(width=width, file=printed)
    for table in result_tables(scores):
        console.print(table)
    words = (line.split() for line in printed.getvalue().splitlines())
    return {cells[0]: cells[1:] for cells in words if cells}


def test_one_row_an_arm_in_order_with_errors_and_gaps(scores):
    table = lines(scores)
    assert [arm for arm in table if arm in ("teacher", "core", "rebound", "refuser")] == [
        "teacher",
        "core",
        "rebound",
        "refuser",
    ]
    # recall, reasoning, half b at its worst: what no arm has a score in isn't there
    assert table["core"] == ["5.2±1.1", "70.5±1.1", "6.1±1.1"]
    assert table["chance"] == ["4.3", "20.0", "4.3"]


def test_numbers_stay_whole_in_80_columns(scores):
    assert lines(scores, width=80)["core"] == lines(scores)["core"]


def test_only_the_core_stands_out(scores):
    [table] = result_tables(scores)
    assert [row.style is not None for row in table.rows] == [False, True, False, False]


def test_what_only_pretrained_teachers_have_is_shown_where_it_was_measured(scores) -> None:
    assert "perplexity" not in markdown_table(scores)
    more = [
        Score("core", "text", "all", "perplexity", 23.45, 0.61, 40, None, False),
        Score("core", "knowledge", "all", "accuracy", 0.25, 0.05, 80, 0.0, False),
    ]
    head, _, *rows = markdown_table([*scores, *more]).splitlines()
    assert head.endswith("| own facts | perplexity |")
    assert rows[1].endswith("| 25.0 ± 5.0 | 23.4 ± 0.6 |") or rows[1].endswith("| 23.5 ± 0.6 |")
    assert rows[0].endswith("| – | – |")
    first, second = result_tables([*scores, *more])
    assert [column.header for column in second.columns] == ["arm", "own facts", "perplexity"]
    assert len(first.columns) == len(markdown_table(scores).splitlines()[0].split("|")) - 2


def test_an_error_of_which_nothing_is_known_is_not_shown(scores, tmp_path) -> None:
    bare = [replace(score, stderr=None, n=1) for score in scores]
    assert lines(bare)["core"] == ["5.2", "70.5", "6.1"]
    assert "±" not in markdown_table(bare)
    table = measured_table(
        [*bare, Score("core", "lm_eval", "t", "ppl", 12.0, None, 1, None, False)]
    )
    assert not any("±" in cell for column in table.columns for cell in column.cells)
    write_report(tmp_path / "r.html", scores=bare, samples_by_arm={}, manifest={}, map_examples=[])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    tables = re.findall(r"<td>.*?</td>", page)
    assert tables and not any("±" in cell for cell in tables)


@pytest.mark.parametrize(
    ("metric", "values", "shown"),
    [
        ("mcc", (0.95, -0.05, 0.5), ["0.95±0.01", "-0.05±0.01", "0.5±0.01"]),
        ("bits_per_byte", (0.95, 0.87, 0.9), ["0.95±0.01", "0.87±0.01", "0.9±0.01"]),
        ("acc", (0.95, 0.87, 1.0), ["95.0±1.0", "87.0±1.0", "100.0±1.0"]),
    ],
)
def test_a_metric_has_one_unit_in_all_arms(metric, values, shown) -> None:
    scores = [
        Score(arm, "lm_eval", "t", metric, value, 0.01, 9, None, True)
        for arm, value in zip(("teacher", "plain", "core"), values, strict=True)
    ]
    columns = measured_table(scores).columns
    assert [next(iter(column.cells)) for column in columns[1:4]] == shown
