"""The axis `lookup`: recall probes, answered with the store beside the model.

And `lookup_forgotten`: those of half b, after the store has forgotten the documents that tell their facts.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from core.store.reader import Reader
from core.store.store import Store
from evals.probes.probe import Probe, of_axes
from evals.recall.answers import answer_probes
from evals.scores import Score, accuracy

LOOKUP, FORGOTTEN = "lookup", "lookup_forgotten"

MakeReader = Callable[[Store], Reader]
DocumentsOf = Mapping[str, Sequence[str]]  # by fact, the ids of the documents that tell it


def look_up(
    arm: str, make_reader: MakeReader, path: Path, probes: Sequence[Probe], told: DocumentsOf | None
) -> list[Score]:
    """The arm's accuracy on recall probes with the store at `path`, and again with half of it forgotten.

    Where `told` isn't known, nothing is forgotten; the store itself never is changed.
    """
    asked = of_axes(probes, "recall")
    with Store(path) as store:
        known = {name for names, _ in store.documents() for name in names}
        scores = _scores(arm, LOOKUP, make_reader(store), asked)
    half = [probe for probe in asked if probe.half == "b"]
    ids = {i for p in half for i in (told or {}).get(p.fact or "", ())} & known
    if ids:
        with _copy(path) as copy, Store(copy, writable=True) as store:
            store.forget(sorted(ids))
            scores += _scores(arm, FORGOTTEN, make_reader(store), half)
    return scores


class _copy(AbstractContextManager[Path]):
    """A copy of a file that is gone afterwards."""

    def __init__(self, path: Path):
        self.folder = TemporaryDirectory()
        self.path = Path(shutil.copy(path, self.folder.name))

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()


def asked_with(reader: Reader, probes: Sequence[Probe]) -> list[Probe]:
    """The probes as the reader asks them: with passages of its store before the question."""
    prompts = [reader.prompt(probe.prompt)[0] for probe in probes]
    return [replace(probe, prompt=prompt) for probe, prompt in zip(probes, prompts, strict=True)]


def _scores(arm: str, axis: str, reader: Reader, probes: Sequence[Probe]) -> list[Score]:
    if not probes:
        return []
    answers = answer_probes(reader.model, reader.tokenizer, asked_with(reader, probes))
    scores = []
    for family in ["all", *sorted({probe.family for probe in probes})]:
        chosen = [i for i, probe in enumerate(probes) if family in ("all", probe.family)]
        own = [probes[i] for i in chosen], [answers[i] for i in chosen]
        scores.append(accuracy(arm, axis, family, *own, higher_is_better=axis == LOOKUP))
    return scores
