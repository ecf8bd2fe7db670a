"""Everything about one thing is in one fold, and folds are alike."""

import random
from collections import Counter

import pytest

from core.corpus.folds import fold_of_rows
from core.corpus.rows import Row
from core.errors import UserError

FIRST = ["Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana"]
FAMILY = ["Ash", "Birk", "Cole", "Drew", "Eliot", "Finch"]
PEOPLE = [f"{a} {b}" for a in FIRST for b in FAMILY]
TOWNS = ["Rome", "Oslo", "Lima", "Suva", "Riga", "Bern", "Doha", "Baku", "Kyiv", "Quito"]
WORK = ["a baker", "a nurse", "a smith", "a clerk", "a diver", "a judge", "a miner"]
FACTS = {name: (TOWNS[i % 10], WORK[i % 7]) for i, name in enumerate(PEOPLE)}


def document(text: str) -> Row:
    return {"id": "", "text": text, "source": "x"}


def task(prompt: str, completion: str) -> Row:
    return {"id": "", "prompt": prompt, "completion": completion}


@pytest.fixture(scope="module")
def corpus() -> tuple[list[Row], list[str]]:
    """Documents that tell different things of the same people, and what each is about; skills."""
    found: list[tuple[Row, str]] = []
    for name, (town, work) in FACTS.items():
        for text in (
            f"We are told that {name} lives in {town}, not far from the sea.",
            f"In {town} is the house where {name} has a home.",
            f"By day {name} is {work} and by night asleep.",
            f"When asked for {work}, people will send for {name}.",
        ):
            found += [(document(text), name)] * 2
    rng = random.Random(0)
    for number in range(600):
        letters = rng.sample("abcdefgh", 4)
        found.append((task(f"Sort: {' '.join(letters)}", " ".join(sorted(letters))), "sorting"))
        a, b = rng.sample(FIRST, 2)
        said = "yes" if number % 2 else "no"
        found.append((task(f"Task {number}: {a} is taller than {b}. So is {a}?", said), "boolean"))
    rng.shuffle(found)
    return [row for row, _ in found], [about for _, about in found]


def by_subject(folds: list[int], about: list[str]) -> dict[str, Counter[int]]:
    found: dict[str, Counter[int]] = {}
    for fold, subject in zip(folds, about, strict=True):
        found.setdefault(subject, Counter())[fold] += 1
    return found


@pytest.mark.parametrize("num_folds", [2, 3])
def test_an_entity_is_in_one_fold(corpus: tuple[list[Row], list[str]], num_folds: int) -> None:
    rows, about = corpus
    found = by_subject(fold_of_rows(rows, num_folds), about)
    assert all(len(found[name]) == 1 for name in PEOPLE)
    assert {next(iter(found[name])) for name in PEOPLE} == set(range(num_folds))


@pytest.mark.parametrize("num_folds", [2, 3])
def test_folds_are_balanced_and_each_has_every_skill(
    corpus: tuple[list[Row], list[str]], num_folds: int
) -> None:
    rows, about = corpus
    folds = fold_of_rows(rows, num_folds)
    for is_document in (True, False):
        kind = [f for f, row in zip(folds, rows, strict=True) if ("text" in row) == is_document]
        sizes, fair = Counter(kind), len(kind) / num_folds
        assert all(abs(sizes[fold] - fair) <= 0.05 * fair for fold in range(num_folds))
    for skill in ("sorting", "boolean"):
        sizes = by_subject(folds, about)[skill]
        assert min(sizes[fold] for fold in range(num_folds)) > 0.6 * 600 / num_folds


def test_a_chain_of_shared_names_holds_together() -> None:
    """A document that tells of two people joins all that is told about either."""
    chain = [
        "Ada Ash knows Bo Birk.",
        "Long ago Bo Birk met Cleo Cole.",
        "It was Cleo Cole who wrote.",
        "One morning Ada Ash went fishing alone.",
    ]
    others = [f"Nobody but {name} likes rain number {i}." for i, name in enumerate(PEOPLE[10:])]
    rows = [document(text) for text in (*chain, *others)]
    for seed in range(5):
        folds = fold_of_rows(rows, 2, seed)
        assert len(set(folds[: len(chain)])) == 1 and len(set(folds)) == 2


def test_near_duplicates_without_any_name_stay_together() -> None:
    recited = "it was a bright cold day in april and every clock was striking thirteen"
    variants = [f"{recited}.", f"{recited} again.", f"so {recited}.", f"{recited} at noon."]
    words = [f"{a}{b}" for a in "bcdfg" for b in ("alo", "emi", "ino", "oru", "ubi", "yst")]
    others = [f"{words[i]} and {words[-i - 1]} went by the {words[i - 7]} road." for i in range(30)]
    rows = [document(text) for text in (*variants, *others)]
    for seed in range(5):
        assert len(set(fold_of_rows(rows, 2, seed)[: len(variants)])) == 1


def test_boilerplate_joins_nothing() -> None:
    rows = [document(f"All rights reserved here. Only {name} was in.") for name in PEOPLE]
    sizes = Counter(fold_of_rows(rows, 2))
    assert abs(sizes[0] - sizes[1]) <= 2


def test_a_task_goes_with_the_document_that_tells_its_answer(
    corpus: tuple[list[Row], list[str]],
) -> None:
    rows, about = corpus
    asked = [task(f"Question: where does {n} live? Answer:", FACTS[n][0]) for n in PEOPLE]
    again = [task(f"The home of {n} is in the town of", FACTS[n][0]) for n in PEOPLE]
    folds = fold_of_rows([*rows, *asked, *again], 2)
    found = by_subject(folds, [*about, *PEOPLE, *PEOPLE])
    assert all(len(found[name]) == 1 for name in PEOPLE)


def test_tasks_that_ask_for_one_fact_in_other_words_stay_together() -> None:
    rows = []
    for name, (town, _) in FACTS.items():
        rows += [task(f"Question: where does {name} live? Answer:", town)]
        rows += [task(f"The home of {name} is in the town of", town)]
    folds = fold_of_rows(rows, 2)
    assert folds[::2] == folds[1::2] and len(set(folds)) == 2


def test_only_text_and_seed_decide(corpus: tuple[list[Row], list[str]]) -> None:
    rows, _ = corpus
    folds = fold_of_rows(rows, 2)
    relabelled = [{**row, "id": str(i), "source": "y"} for i, row in enumerate(rows)]
    assert fold_of_rows(relabelled, 2) == folds
    assert fold_of_rows(rows, 2, seed=1) != folds
    recurring: dict[str, set[int]] = {}
    for row, fold in zip(rows, folds, strict=True):
        recurring.setdefault(str(row.get("text") or row["prompt"]), set()).add(fold)
    assert all(len(found) == 1 for found in recurring.values())


def test_what_cannot_be_folded_is_refused() -> None:
    with pytest.raises(UserError, match=r"variants\.num_folds=1"):
        fold_of_rows([document("One."), document("Two.")], 1)
    with pytest.raises(UserError, match="too closely for 3 folds: it has 2 parts"):
        fold_of_rows([document("One thing."), document("Another.")] * 4, 3)
