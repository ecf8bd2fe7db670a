"""The table of what was missed, on the console and on the page."""

from dataclasses import replace

import pytest
from rich.console import Console
from rich.table import Table

from evals.report.missed import missed_html, missed_table
from evals.report.misses import Missed, Tokens
from evals.scores import Score

CITY = Score("core", "recall", "city", "accuracy", 0.812, 0.014, 400, 0.05, False)
SIGNS = {"known": 36, "exposure": 144, "renaming": 1020}
FOUND = [
    Missed(
        "recall",
        "home_city",
        CITY,
        replace(CITY, value=0.05),
        replace(CITY, value=0.97),
        1325,
        Tokens(310, 1200, SIGNS),
    ),
    Missed(
        "verbatim", "poem", replace(CITY, value=0.2), None, None, 8, Tokens(44, 0, {"known": 0})
    ),
    Missed("recall", "job", replace(CITY, value=0.1), None, None, 9, None),
]


def rows_of(table: Table) -> list[list[str]]:
    """The cells of each row."""
    return [list(row) for row in zip(*(column.cells for column in table.columns), strict=True)]


def test_a_row_a_family_with_the_signs_in_words() -> None:
    city, poem, job = rows_of(missed_table(FOUND))
    assert city[:4] == ["home city", "81.2±1.4", "5.0±1.4", "97.0±1.4"]
    said = "known 3 %,\nexposure 12 %,\nrenaming 85 %"
    assert city[4:] == ["1,325", "310", "1,200", said]
    assert poem[2:] == ["–", "–", "8", "44", "0", "–"]
    assert job[4:] == ["9", "–", "–", "–"]


def test_the_page_has_the_same_cells() -> None:
    page = missed_html(FOUND)
    for row in rows_of(missed_table(FOUND)):
        for text in [row[0], *row[4:]]:
            assert f">{text}</t" in page.replace(", ", ",\n")
    assert missed_html([]) == ""


def test_what_no_sign_explains_is_said() -> None:
    odd = replace(FOUND[0], tokens=Tokens(0, 4, {"known": 1, "renaming": 0}))
    assert rows_of(missed_table([odd]))[0][-1] == ("known 25 %,\nno sign 75 %")


@pytest.mark.parametrize("found", [FOUND[2:], [replace(FOUND[0], tokens=Tokens(3, 4, None))]])
def test_without_signs_the_column_is_left_out(found: list[Missed]) -> None:
    heads = [column.header for column in missed_table(found).columns]
    assert heads[-1] == "not\nflagged" and len(heads) == 7
    assert "let through by" not in missed_html(found).lower()


def test_it_fits_a_narrow_console() -> None:
    console = Console(width=80, highlight=False, soft_wrap=True)
    with console.capture() as capture:
        console.print(missed_table(FOUND))
    *lines, note = capture.get().splitlines()
    assert note.startswith("Recall in per cent") and max(map(len, lines)) <= 80
    for share in ("known 3 %", "exposure 12 %", "renaming 85 %"):
        assert any(share in line for line in lines)
