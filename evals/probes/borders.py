"""Where a prompt ends and its answer begins: as the run's corpus has it, or else told."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from core.corpus.rows import Row, Rows, joined_text
from core.corpus.script import composed, joint
from core.corpus.stage import FOLDER, ROWS
from core.errors import UserError
from core.runs.artifacts import MARK
from evals.probes.probe import MEMORY_AXES, Probe

MOST_ASKED = 100  # probes that are looked for in the corpus


def as_in_corpus(probes: Sequence[Probe], run: Path) -> list[Probe]:
    """The probes in normal form C, in which a run's corpus is read.

    Raises UserError as `check_borders` does.
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
        check_borders(found, Rows(run / FOLDER / ROWS))
    return found


def check_borders(probes: Iterable[Probe], rows: Iterable[Row]) -> None:
    """Look for the first memory probes in the corpus, with what stands there before their answers.

    Raises UserError naming one whose answer the corpus has behind other white space only, or behind none:
    asked otherwise than it was taught it would seem forgotten.
    """
    left = [probe for probe in probes if probe.axis in MEMORY_AXES][:MOST_ASKED]
    others: dict[str, str] = {}
    for row in rows:
        text = joined_text(row)
        for probe in [probe for probe in left if probe.prompt.rstrip() in text]:
            found = _between(probe, text)
            if border_of(probe) in found:
                left.remove(probe)
            elif found:
                others.setdefault(probe.id, found[0])
        if not left:
            return
    for probe in left:
        if probe.id in others:
            raise UserError(_told(probe, others[probe.id]))


def border_of(probe: Probe) -> str:
    """The white space behind which a probe's first answer is asked for."""
    space = probe.prompt[len(probe.prompt.rstrip()) :]
    return space + joint(probe.prompt, probe.answers[0])


def _between(probe: Probe, text: str) -> list[str]:
    """The white space, or nothing, that a text has between a probe's prompt and its first answer."""
    prompt, answer = re.escape(probe.prompt.rstrip()), re.escape(probe.answers[0])
    return re.findall(rf"{prompt}(\s*){answer}", text)


def _told(probe: Probe, found: str) -> str:
    asked = json.dumps(border_of(probe))
    if not found:
        return (
            f"probe '{probe.id}': its answer is asked for behind {asked}, and in the corpus nothing stands"
            " between them: let the prompt end at a space, and the answer begin there"
        )
    return (
        f"probe '{probe.id}': its answer is asked for behind {asked}, and in the corpus it stands behind"
        f" {json.dumps(found)}: let the prompt end so"
    )
