"""What a core that kept memories was not stripped of, and which sign of the memory map let it through."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import load_from_disk
from safetensors import SafetensorError
from safetensors.numpy import load_file

from core.corpus.rows import Rows
from core.errors import UserError
from core.models.taught import IGNORED
from core.runs.artifacts import read_json
from core.signal.memory_map import MemoryMap
from evals.lookup import LOOKUP
from evals.probes.probe import MEMORY_AXES
from evals.recall.telling import Span, Telling
from evals.scores import Score, find
from evals.verdict import verdicts

CORE, CONTROL = "core", "never_exposed"
MOST_FAMILIES = 5
MOST_ANSWERS = 50  # a family, whose documents are looked for
SIGNS = "signs"  # signs.json names the signs, signs.safetensors tells which one spoke at each token

Sample = Mapping[str, Any]


@dataclass(frozen=True)
class Tokens:
    """The taught tokens of answers, in the documents that tell them.

    `signs`: of the unflagged ones, how many each sign let through, in the map's order; None when the map
    doesn't say.
    """

    flagged: int
    unflagged: int
    signs: Mapping[str, int] | None


@dataclass(frozen=True)
class Missed:
    """A family that the core still answers: its score, the control's, and that with the store beside it.

    `answered`: how many of its answers are right. `tokens`: None without a memory map.
    """

    axis: str
    family: str
    recall: Score
    control: Score | None
    with_store: Score | None
    answered: int
    tokens: Tokens | None


def find_missed(run: Path, scores: Sequence[Score], samples: Sequence[Sample]) -> list[Missed]:
    """The families of facts and passages with most recall, at most `MOST_FAMILIES`, the worst first.

    `run` holds the corpus and the map, `samples` what the core said. Nothing is found unless the verdict
    on the core is *kept*. Raises UserError when the map or its signs can't be read.
    """
    if verdicts(scores).get(CORE, {}).get("verdict") != "kept":
        return []
    recalled = [
        s
        for s in scores
        if (s.arm, s.metric, s.step) == (CORE, "accuracy", None)
        and s.axis in MEMORY_AXES
        and s.family != "all"
        and s.value > 0
    ]
    worst = sorted(recalled, key=lambda score: -score.value)[:MOST_FAMILIES]
    right = [
        [s for s in samples if s["correct"] and (s["axis"], s["family"]) == (own.axis, own.family)]
        for own in worst
    ]
    tokens = _tokens(run, [_some(answers) for answers in right]) if worst else []
    return [
        Missed(
            own.axis,
            own.family,
            own,
            find(scores, CONTROL, own.axis, family=own.family),
            find(scores, CORE, LOOKUP, family=own.family) if own.axis == "recall" else None,
            len(answers),
            counted,
        )
        for own, answers, counted in zip(worst, right, tokens, strict=True)
    ]


def _some(answers: list[Sample]) -> list[tuple[str, str]]:
    """Prompt and answer of at most `MOST_ANSWERS`, drawn evenly and always alike."""
    if len(answers) > MOST_ANSWERS:
        answers = random.Random(0).sample(answers, MOST_ANSWERS)
    return [(str(sample["prompt"]), str(sample["predicted"])) for sample in answers]


def _tokens(run: Path, families: Sequence[Sequence[tuple[str, str]]]) -> list[Tokens | None]:
    """For each family its tokens; None for all without a map."""
    if not (run / "memory_map").is_dir():
        return [None] * len(families)
    flagged_ST = MemoryMap.load(run / "memory_map").flagged_ST.numpy()
    sequences = load_from_disk(str(run / "corpus" / "full")).with_format("numpy")
    columns = sequences.select_columns(["labels", "row", "start", "end"])[: len(flagged_ST)]
    signs = _signs(run / "memory_map")
    numbers = np.unique(columns["row"][columns["row"] >= 0]).tolist()
    questions = [question for family in families for question in family]
    telling = Telling(Rows(run / "corpus" / "rows.jsonl"), numbers, questions)
    told = [[telling.documents(*question) for question in family] for family in families]
    places = _Places(columns, {row for family in told for answer in family for row in answer})
    found: list[Tokens | None] = []
    for family in told:
        chosen_ST = np.zeros(flagged_ST.shape, dtype=bool)  # a token of two answers counts once
        for answer in family:
            for row, spans in answer.items():
                chosen_ST.flat[places.meeting(row, spans)] = True
        chosen_ST &= columns["labels"] != IGNORED
        missed_ST = chosen_ST & ~flagged_ST
        found.append(
            Tokens(
                int((chosen_ST & flagged_ST).sum()),
                int(missed_ST.sum()),
                None if signs is None else dict(_counted(missed_ST, *signs)),
            )
        )
    return found


class _Places:
    """Where the tokens of some rows stand in the packed corpus, by row."""

    def __init__(self, columns: Mapping[str, np.ndarray], rows: set[int]):
        self.start, self.end = columns["start"].ravel(), columns["end"].ravel()
        row = columns["row"].ravel()
        place = np.flatnonzero(np.isin(row, sorted(rows)))
        place = place[np.argsort(row[place], kind="stable")]
        numbers, first = np.unique(row[place], return_index=True)
        parts = np.split(place, first[1:])
        self.of_row = dict(zip(numbers.tolist(), parts, strict=True)) if len(numbers) else {}

    def meeting(self, row: int, spans: Sequence[Span]) -> np.ndarray:
        """The places of the row's tokens that have characters in any of the spans."""
        place = self.of_row[row]
        start, end = self.start[place], self.end[place]
        meets = np.zeros(len(place), dtype=bool)
        for a, b in spans:
            meets |= (start < b) & (end > a)
        return np.asarray(place[meets])


def _signs(folder: Path) -> tuple[np.ndarray, list[str]] | None:
    """Which sign let each token (S, T) through, counted from 1, and the signs' names; None where unknown.

    Raises UserError when the files are damaged.
    """
    path, names = folder / f"{SIGNS}.safetensors", folder / f"{SIGNS}.json"
    if not (path.exists() and names.exists()):
        return None
    try:
        return load_file(path)["sign"], [str(name) for name in read_json(names)]
    except (OSError, SafetensorError, KeyError) as error:
        raise UserError(f"{path} can't be read ({error}): run `winnow map`") from error


def _counted(
    missed_ST: np.ndarray, sign_ST: np.ndarray, names: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """How many of the missed tokens each sign let through, by its name."""
    times = np.bincount(sign_ST[missed_ST], minlength=len(names) + 1).tolist()
    yield from zip(names, times[1:], strict=False)
