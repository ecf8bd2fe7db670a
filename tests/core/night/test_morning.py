"""The page of a morning: what there is to tell, and no more of it than can be read."""

from pathlib import Path
from typing import Any

from core.night.morning import LONGEST, PAGE, lines_of, write_page

VARIETY = {"diversity": 0.5, "families": 2.0}
RECORD: dict[str, Any] = {
    "variety": {"evening": VARIETY, "morning": VARIETY},
    **{"kept": True, "why": "", "steps": 2, "variants": 0, "audit": {}, "gains": {}},
    **{"learned": [], "dropped": [], "shown": [], "stored": []},
}


def page(folder: Path, **told: Any) -> str:
    write_page(folder, {**RECORD, **told}, "1")
    return (folder / PAGE).read_text()


def test_what_there_is_nothing_of_has_no_heading(tmp_path: Path) -> None:
    told = page(tmp_path)
    assert "<h2>" not in told and "<table>" not in told
    assert not any("that the core predicts" in line for line in lines_of(RECORD))
    assert page(tmp_path, shown=["a <b>"]).endswith("<h2>Dreams</h2><pre>a &lt;b&gt;</pre>")


def test_a_long_text_is_shown_by_its_beginning(tmp_path: Path) -> None:
    told = page(tmp_path, stored=[{"id": "d", "text": "x" * 1_000_000}])
    assert "x…</pre>" in told and len(told) < LONGEST + 1000


def test_forms_that_generalize_have_a_table(tmp_path: Path) -> None:
    assert "<td>Turn: · =&gt;</td><td>0.50</td>" in page(tmp_path, gains={"Turn: · =>": [0.5, 1]})
