"""Exercises say the truth, and are answered by what they say."""

import re
from random import Random

import pytest

from core.worlds import people
from core.worlds.exercises import ARITHMETIC, LOGIC, NUM_SHOWN, Arithmetic


@pytest.mark.parametrize("family", ARITHMETIC)
def test_every_line_of_a_sum_is_right(family: str) -> None:
    for seed in range(50):
        item = ARITHMETIC[family](Random(seed))
        lines = f"{item.prompt} {item.completion}".split("\n")
        assert len(lines) == NUM_SHOWN + 1
        for line in lines:
            a, sign, b, equals, result = line.split(" ")
            assert equals == "=" and int(result) == int(a) + int(b) * (1 if sign == "+" else -1)
            assert int(result) >= 0


def test_a_deduction_follows_from_its_rule() -> None:
    for seed in range(50):
        item = LOGIC["deduction"](Random(seed))
        for line in f"{item.prompt} {item.completion}.".split("\n"):
            [(kind, adjective)] = re.findall(r"Every (\w+) is (\w+)\.", line)
            asked = re.search(r"\. So (\w+) is (\w+)\.$", line)
            assert asked and asked[2] == adjective and f"{asked[1]} is a {kind}." in line


def test_a_pattern_goes_on_as_it_did() -> None:
    for seed in range(50):
        item = LOGIC["pattern"](Random(seed))
        row = [*item.prompt.split(), item.completion]
        period = len(set(row))
        assert len(row) >= 3 * period and item.chance == 1 / period
        assert all(word == row[at - period] for at, word in enumerate(row) if at >= period)


@pytest.mark.parametrize("true", [False, True])
def test_reading_is_about_two_people_and_answered_by_what_is_told_of_one(true: bool) -> None:
    known = people.invent(0, 12)
    for seed in range(50):
        group = known.known if true else known.strangers
        item = people.read(Random(seed), group, probe=True, true=true)
        asked = next(r for r in people.RELATIONS if item.fact.endswith(f"/{r.family}"))
        person = next(p for p in group if item.fact.startswith(f"{p.key}/"))
        assert item.prompt.endswith(asked.cue.format(name=person.name))
        told = [r.told(cue, person.name, item.completion) for r in [asked] for cue in r.cues]
        assert any(sentence in item.prompt for sentence in told)
        if true:
            assert person.values[asked.family] == item.completion


def test_the_text_to_measure_arithmetic_on_is_sums_alone() -> None:
    rows = list(Arithmetic(num_items=20).rows())
    assert len(rows) == 20 and rows == list(Arithmetic(num_items=20).rows())
    assert all(re.fullmatch(r"[\d+\-= \n]+", row["text"]) for row in rows)
