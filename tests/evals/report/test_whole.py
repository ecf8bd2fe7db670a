"""A narrow console wraps words and cuts no numbers."""

import io

from rich.console import Console
from rich.table import Table

from evals.report.whole import whole


def test_numbers_are_not_cut_on_a_narrow_console() -> None:
    table = Table("arm", "half b relearned", *(f"axis {n}" for n in range(8)), padding=0)
    table.add_row("core", "12.3±0.1", *["99.5±0.2"] * 8)
    out = io.StringIO()
    Console(file=out, width=40, soft_wrap=True).print(whole(table))
    assert out.getvalue().count("99.5±0.2") == 8 and "…" not in out.getvalue()
