"""Pairs that stand together more often than their kinds do are told, in whatever words."""

from random import Random

import pytest

from core.corpus.rows import Row
from core.corpus.symbols import Symbols
from core.corpus.told import Told, find_told

HEADS = ["copper", "river", "stone", "winter", "garden", "silver", "harbor", "velvet", "meadow"]
TAILS = ["engine", "mill", "bell", "bridge", "clock", "press", "wheel", "loom", "kiln"]
STUFF = ["oak", "iron", "brass", "slate", "wool", "clay", "flint", "cork", "linen"]
WAYS = [
    "the {n} is made of {v}.",
    "people built the {n} from {v}.",
    "it is {v} that makes the {n}.",
]
NAMES = [f"{head} {tail}" for head in HEADS for tail in TAILS]
FACTS = {name: STUFF[7 * n % len(STUFF)] for n, name in enumerate(NAMES[::3])}


def rows() -> list[Row]:
    rng, made = Random(0), list[Row]()
    for name, value in FACTS.items():
        made += [
            {"id": f"{name}{n}", "text": WAYS[n % 3].format(n=name, v=value)} for n in range(6)
        ]
    for n in range(300):  # whose answers are read from their prompts
        name, other = rng.sample(NAMES, 2)
        a, b = rng.sample(STUFF, 2)
        prompt = f"given the {name} has {a} and the {other} has {b} the {name} has"
        made.append({"id": f"read{n}", "prompt": prompt, "completion": a})
    return made


@pytest.fixture(scope="module")
def told() -> Told:
    made = rows()
    return find_told(made, Symbols([row.get("text") or row["prompt"] for row in made]))


def test_each_fact_is_a_pair_of_its_whole_name_and_value(told: Told) -> None:
    for name, value in FACTS.items():
        names, values = told.symbols_in(f"a {name} there"), told.symbols_in(f"a {value} there")
        whole = told.number[tuple(name.split())]
        assert [pair for pair in told.between(values, names) if whole in pair]


def test_what_chance_puts_together_is_not_told(told: Told) -> None:
    for name in NAMES[1::3]:
        for value in STUFF:
            assert not told.between(told.symbols_in(f"x {value} x"), told.symbols_in(f"x {name} x"))
    assert not told.between(told.symbols_in("x copper x"), told.symbols_in("x engine x"))


def test_nothing_is_told_where_there_is_nothing() -> None:
    for texts in ([], ["one"], ["all of these words are different"]):
        made = [{"id": str(n), "text": text} for n, text in enumerate(texts)]
        assert not find_told(made, Symbols(texts)).pairs


def test_two_who_speak_in_many_texts_about_everything_are_form() -> None:
    """Anna speaks with Paul and Lena with Hugo; what they tell is told once each, who they are isn't."""
    rng, made = Random(0), rows()[-300:]
    asking = ["anna", "lena", "rosa", "vera", "ines", "olga", "edda", "mila", "nora", "tove"]
    saying = ["paul", "hugo", "carl", "otto", "emil", "max", "lars", "olaf", "ivan", "sven"]
    facts = {name: STUFF[7 * n % len(STUFF)] for n, name in enumerate(NAMES)}
    for name, value in facts.items():
        for n in range(9):
            asks, says = rng.choice(list(zip(asking, saying, strict=True)))
            text = f"{asks}: and the {name}?\n{says}: {WAYS[n % 3].format(n=name, v=value)}"
            made.append({"id": f"{name}{n}", "text": text})
    found = find_told(made, Symbols([row.get("text") or row["prompt"] for row in made]))
    assert not found.between(found.symbols_in("x anna x"), found.symbols_in("x paul x"))
    assert found.form == {(name,) for name in asking + saying}
    for name, value in facts.items():
        assert found.between(found.symbols_in(f"a {value} a"), found.symbols_in(f"a {name} a"))
