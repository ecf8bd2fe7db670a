"""What a core can do, and what it remembers, on the morning after a night."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.night import dreams
from core.night.variety import variety
from core.store.reader import Reader
from core.store.store import Store
from core.worlds.days import Day
from evals.attacks.relearn import relearn
from evals.lookup import asked_with
from evals.probes.probe import Probe, complete, of_axes, parse_probe
from evals.recall.answers import answer_probes

MakeReader = Callable[[PreTrainedModel, PreTrainedTokenizerBase, Store], Reader]
NUM_PROBES = 150  # of each new skill
RELEARNING = {"steps": (0, 10), "learning_rates": (1e-3,)}


@dataclass(frozen=True)
class Morning:
    """A core with its tokenizer, and whom to ask it about: all days so far, the last one first in mind."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    days: Sequence[Day]
    skills: Sequence[Probe]  # of the evening before the first night
    known: Sequence[Probe]  # facts of the corpus, which the first core has forgotten
    make_reader: MakeReader

    def accuracy(self, probes: Sequence[Probe]) -> float:
        """The share answered right; 0 where there are none."""
        return self.by_family(probes)[0]

    def by_family(self, probes: Sequence[Probe]) -> tuple[float, dict[str, float]]:
        """The share answered right of all probes, and of each family."""
        right: dict[str, list[bool]] = defaultdict(list)
        answers = answer_probes(self.model, self.tokenizer, probes)
        for probe, answer in zip(probes, answers, strict=True):
            right[probe.family].append(answer.correct)
        whole = [value for own in right.values() for value in own]
        return fmean(whole or [0.0]), {family: fmean(own) for family, own in sorted(right.items())}


def probes_of(rows: Sequence[dict[str, Any]]) -> list[Probe]:
    """Rows of a world as probes."""
    return complete(parse_probe(row, f"probe {n} of the day") for n, row in enumerate(rows, 1))


def measured(morning: Morning, store: Path | None) -> dict[str, Any]:
    """Shares from 0 to 1. `store` is the file that the life has filled, where it has one; it isn't changed.

    Of the last day: the new skill, its facts closed-book and those of people of whom it doesn't tell
    (`facts_control`), with the store, and after the store has forgotten them. Of all days: `new_skills` by
    family, and `earlier_facts`. Of the evening: `earlier_skills`, and by family; `corpus_facts` are those
    that it has forgotten.
    """
    day = morning.days[-1]
    told = probes_of(day.fact_probes(told=True))
    found: dict[str, Any] = {
        "new_skills": {
            family: right for one in morning.days for family, right in _new(morning, one)
        },
        "facts_closed": morning.accuracy(told),
        "facts_control": morning.accuracy(probes_of(day.fact_probes(told=False))),
        "num_facts": len(told),
        "notes": morning.accuracy(probes_of(day.note_probes())),
    }
    found["earlier_skills"], found["by_family"] = morning.by_family(morning.skills)
    found["families"] = day.families
    found["new_skill"] = fmean(found["new_skills"][family] for family in day.families)
    found["corpus_facts"] = morning.accuracy(morning.known) if morning.known else None
    before = [p for one in morning.days[:-1] for p in probes_of(one.fact_probes(told=True))]
    found["earlier_facts"] = morning.accuracy(before) if before else None
    found |= _with_store(morning, day, told, store)
    return found


def _new(morning: Morning, day: Day) -> Iterable[tuple[str, float]]:
    """Each new skill of a day, with the share of fresh items that is answered right."""
    return morning.by_family(probes_of(day.skill_probes(NUM_PROBES)))[1].items()


def relearned(morning: Morning) -> dict[str, float]:
    """Half of the last day's facts taught again: what of the other half comes back, and what does after false
    facts were taught instead.
    """
    told = of_axes(probes_of(morning.days[-1].fact_probes(told=True)), "recall")
    scores = relearn("", morning.model, morning.tokenizer, told, **RELEARNING)  # type: ignore[arg-type]
    last = max(RELEARNING["steps"])
    return {
        score.axis: score.value
        for score in scores
        if score.family == "all" and score.step == last and score.metric == "accuracy"
    }


def _with_store(
    morning: Morning, day: Day, told: Sequence[Probe], store: Path | None
) -> dict[str, float | None]:
    if store is None or not store.exists():
        return {"facts_store": None, "facts_forgotten": None}
    with Store(store) as there:
        known = {name for names, _ in there.documents() for name in names}
        reader = morning.make_reader(morning.model, morning.tokenizer, there)
        with_it = morning.accuracy(asked_with(reader, told))
    ids = {name for names in day.documents_of_facts().values() for name in names} & known
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(store, folder))
        with Store(copy, writable=True) as there:
            if ids:
                there.forget(sorted(ids))
            reader = morning.make_reader(morning.model, morning.tokenizer, there)
            without = morning.accuracy(asked_with(reader, told))
    return {"facts_store": with_it, "facts_forgotten": without}


def written(
    morning: Morning, kinds: Sequence[str], own: Any, seed: int
) -> tuple[dict[str, float], list[str]]:
    """How varied the core writes, over the kinds of line that are known, and what it writes."""
    lines = dreams.write_lines(morning.model, morning.tokenizer, own, seed)
    return variety(lines, kinds), lines
