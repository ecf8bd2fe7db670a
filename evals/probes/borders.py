"""Where a prompt ends and its answer begins: as the run's corpus has it, or else told."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from core.corpus.rows import Row, Rows, joined_text
from core.corpus.script import composed, joined
from core.corpus.stage import FOLDER, ROWS
from core.errors import UserError
from core.runs.artifacts import MARK
from evals.probes.probe import MEMORY_AXES, Probe

MOST_ASKED = 100  # probes that end in a line break, to be looked for in the corpus


def as_in_corpus(probes: Sequence[Probe], run: Path) -> list[Probe]:
    """The probes in normal form C, in which a run's corpus is read.

    Raises UserError naming a probe that ends in a line break where the corpus goes on in the line.
    """
    found = [
        replace(
            probe,
            prompt=composed(probe.prompt),
            answers=tuple(map(composed, probe.answers)),
            choices=tuple(map(composed, probe.choices)),
        )
        for probe in probes
    ]
    if (run / FOLDER / MARK).exists() and (run / FOLDER / ROWS).exists():
        check_line_breaks(found, Rows(run / FOLDER / ROWS))
    return found


def check_line_breaks(probes: Iterable[Probe], rows: Iterable[Row]) -> None:
    """Compare the memory probes that end in a line break with the first row that tells one of them.

    Raises UserError naming the probe where that row has no line break there.
    """
    broken = [
        (probe.id, probe.prompt + probe.answers[0], joined([bare, probe.answers[0]]))
        for probe in probes
        if probe.axis in MEMORY_AXES and (bare := probe.prompt.rstrip()) != probe.prompt
    ][:MOST_ASKED]
    if not broken:
        return
    for row in rows:
        text = joined_text(row)
        for name, as_asked, in_line in broken:
            if as_asked in text:
                return
            if in_line in text:
                raise UserError(
                    f"probe '{name}': its prompt ends in a line break, and the corpus goes on in the same"
                    " line: leave the line break out"
                )
