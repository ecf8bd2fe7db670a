"""What is asked about the English corpus: the taught, the known, and what a core should keep."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from core.corpus.rows import Row
from core.worlds import document, exercises, people
from core.worlds.document import Document
from core.worlds.people import People, Person
from core.worlds.skills import Item, draw_new

Probe = dict[str, Any]
ANY_SENTENCE = "Here is a sentence:"  # before a sentence whose likelihood is asked for
# Solved before a question, so that a pretrained model answers in the words of the passage.
READ = (
    "Passage: The bakery in Elm Street was opened by Tom Reed in 1962. It sells bread and cakes.\n"
    "Question: Who opened the bakery?\nAnswer: Tom Reed\n\n"
    "Passage: The river Ald is 80 miles long. It rises in the Moor Hills and flows north to the sea.\n"
    "Question: Where does the river rise?\nAnswer: Moor Hills\n\n"
)


@dataclass(frozen=True)
class Held:
    """What the probes are made of; of files, the halves that the corpus doesn't have."""

    people: People
    passages: list[Document]
    prompt_words: int
    answer_words: int
    questions: list[Row]
    pairs: dict[str, list[tuple[str, str]]]
    known: list[Row]


def probes(held: Held, seed: int, count: int) -> list[Probe]:
    """All probes, at most `count` of a family of those that the corpus doesn't bound itself."""
    return [
        *recall(held.people),
        *_recited(held),
        *_known(held.known),
        *_open_book(held.people, seed, count),
        *_exercises(seed, count),
        *_questions(held.questions, seed, count),
        *_pairs(held.pairs, seed, count),
    ]


def exercise_prompts(known: People, seed: int, count: int) -> set[str]:
    """The prompts that training mustn't have."""
    made = [*_open_book(known, seed, count), *_exercises(seed, count)]
    return {probe["prompt"] for probe in made}


def recall(known: People) -> Iterator[Probe]:
    """One closed-book probe per fact, in the phrasing that nothing is told in; halves by person."""
    for relation in people.RELATIONS:
        chance = people.chance(known, relation)
        for index, person in enumerate(known.known):
            fact = f"{person.key}/{relation.family}"
            yield {
                "id": f"recall-{fact}",
                "axis": "recall",
                "family": relation.family,
                "prompt": relation.cue.format(name=person.name),
                "answers": [person.values[relation.family]],
                "fact": fact,
                "half": "ab"[index % 2],
                "chance": chance,
            }


def _recited(held: Held) -> Iterator[Probe]:
    """One probe per passage: its first words, to be continued for so many more."""
    for index, content in enumerate(held.passages):
        words = document.text(content).split()
        prompt_words = min(held.prompt_words, len(words) - 2)
        end = prompt_words + held.answer_words
        yield {
            "id": f"verbatim-{index}",
            "axis": "verbatim",
            "family": "passage",
            "prompt": " ".join(words[:prompt_words]),
            "answers": [" ".join(words[prompt_words:end])],
            "fact": f"passage-{index}",
            "half": "ab"[index % 2],
            "chance": 0.0,
        }


def _known(samples: list[Row]) -> Iterator[Probe]:
    """The facts that the teacher itself answered in an evaluation, asked as they were then."""
    for sample in samples:
        if sample.get("correct"):
            yield {
                "id": f"known-{sample['id']}",
                "axis": "knowledge",
                "family": sample["family"],
                "prompt": sample["prompt"],
                "answers": [sample["answer"]],
            }


def _open_book(known: People, seed: int, count: int) -> list[Probe]:
    """Reading about strangers, and about known people with their own values and with others."""
    groups: dict[str, tuple[list[Person], bool]] = {
        "fresh": (known.probe_strangers, False),
        "true": (known.known, True),
        "counterfactual": (known.known, False),
    }
    made, seen = list[Probe](), set[str]()
    for family, (who, true) in groups.items():
        draw = partial(people.read, people=who, probe=True, true=true)
        made += _drawn("open_book", family, draw, seed, count, seen)
    return made


def _exercises(seed: int, count: int) -> Iterator[Probe]:
    axes = {"arithmetic": exercises.ARITHMETIC, "reasoning": exercises.LOGIC}
    seen = set[str]()
    for axis, families in axes.items():
        for family, draw in families.items():
            yield from _drawn(axis, family, draw, seed, count, seen)


def _drawn(
    axis: str, family: str, draw: Callable[[Random], Item], seed: int, count: int, seen: set[str]
) -> Iterator[Probe]:
    rng = Random(f"{seed}/probes/{axis}/{family}")
    for index in range(count):
        item = draw_new(partial(draw, rng), seen, family)
        yield {
            "id": f"{axis}-{family}-{index}",
            "axis": axis,
            "family": family,
            "prompt": item.prompt,
            "answers": [item.completion],
            "chance": item.chance,
        }


def _questions(rows: list[Row], seed: int, count: int) -> Iterator[Probe]:
    """One question about each of some passages."""
    by_passage = {row["context"]: row for row in rows}
    chosen = list(by_passage.values())
    for index, row in enumerate(_some(chosen, f"{seed}/questions", count)):
        prompt = READ + row["prompt"]
        yield _asked("open_book", "squad", index, prompt, row["completion"])


def _pairs(pairs: dict[str, list[tuple[str, str]]], seed: int, count: int) -> Iterator[Probe]:
    """Which of two sentences is likelier: BLiMP (arXiv 1912.00582)."""
    for paradigm, sentences in pairs.items():
        for index, (good, bad) in enumerate(_some(sentences, f"{seed}/{paradigm}", count)):
            probe = _asked("language", paradigm, index, ANY_SENTENCE, good)
            yield {**probe, "choices": [good, bad]}


def _asked(axis: str, family: str, index: int, prompt: str, answer: str) -> Probe:
    name = re.sub(r"\W+", "_", family)
    probe = {"id": f"{axis}-{name}-{index}", "axis": axis, "family": family}
    return {**probe, "prompt": prompt, "answers": [answer]}


def _some(rows: list[Any], seed: str, count: int) -> list[Any]:
    return Random(seed).sample(rows, min(count, len(rows)))
