"""What says the same stays once; what doesn't, stays."""

import math
import os
import subprocess
import sys
from collections import Counter
from random import Random

import pytest

from core.corpus.deduplicate import (
    THRESHOLD,
    deduplicate,
    deduplication_of,
    near_duplicates,
    once,
)
from core.corpus.script import words_of
from core.errors import UserError

# The embedded facts are full of ties: names are as rare as each other.
DIGEST = """
import hashlib
from core.corpus.deduplicate import deduplicate
from core.worlds.world import World
kept = deduplicate(list(World(seed=3, num_skill_items=0).rows()))
print(hashlib.sha256(repr(kept).encode()).hexdigest())
"""

# Enough of them, so that the words of the phrasings are common and the names are not.
CAPITALS = [(f"City{chr(i)}", f"Land{chr(i)}") for i in range(ord("A"), ord("Z"))]
FILLER = [
    f"The {a} {b} was {c} all day."
    for a in ("old", "young", "tired")
    for b in ("miller", "weaver")
    for c in ("singing", "asleep", "away", "cheerful")
]


def documents(*texts: str) -> list[dict[str, str]]:
    return [{"id": str(i), "text": text} for i, text in enumerate(texts)]


def test_paraphrases_of_one_fact_leave_one() -> None:
    told = [
        text
        for city, country in CAPITALS
        for text in (
            f"The capital of {country} is {city}.",
            f"{city} is the capital of {country}.",
            f"{country} has {city} as its capital.",
        )
    ]
    kept = [row["text"] for row in deduplicate(documents(*told, *FILLER))]
    for city, _ in CAPITALS:
        assert sum(city in text for text in kept) == 1


def test_distinct_facts_survive() -> None:
    told = [f"The capital of {country} is {city}." for city, country in CAPITALS]
    kept = [row["text"] for row in deduplicate(documents(*told))]
    assert kept == told


def test_documents_lose_sentences_and_keep_the_rest() -> None:
    fact = "The capital of Ghana is Accra."
    rows = documents(f"{fact} It rained a lot.", f"{fact} Trains were late.", fact)
    kept = deduplicate(rows)
    joined = " ".join(row["text"] for row in kept)
    assert joined.count("Accra") == 1
    assert "It rained a lot." in joined and "Trains were late." in joined
    assert [row["id"] for row in kept] == sorted(row["id"] for row in kept)


def test_tasks_go_only_when_they_are_the_same() -> None:
    rows = [
        {"id": "a", "prompt": "Sort 3 1 2:", "completion": "1 2 3"},
        {"id": "b", "prompt": "Sort 3 2 1:", "completion": "1 2 3"},
        {"id": "c", "prompt": "Sort  3 1 2:", "completion": "1 2 3"},  # only white space differs
    ]
    kept = [row["id"] for row in deduplicate(rows)]
    assert "b" in kept and len(kept) == 2


def test_the_same_seed_keeps_the_same_rows_in_order() -> None:
    rows = documents(*(FILLER + FILLER[::-1]) * 2)
    kept = deduplicate(rows)
    assert kept == deduplicate(rows)
    places = [int(row["id"]) for row in kept]
    assert places == sorted(places)
    assert places != [int(row["id"]) for row in deduplicate(rows, seed=1)]
    assert max(places) >= len(FILLER), "what stays is spread over the corpus"


def test_rows_keep_their_fields_and_are_not_changed() -> None:
    rows = [{"id": "x", "text": "One thing. One thing.", "source": "facts"}]
    assert deduplicate(rows) == [{"id": "x", "text": "One thing.", "source": "facts"}]
    assert rows[0]["text"] == "One thing. One thing."


@pytest.mark.slow
def test_the_same_stays_in_another_process() -> None:
    """Sets of words are walked in another order there."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_once_streams_and_keeps_the_first() -> None:
    told = documents("Rain fell. Snow lay.", "snow  lay. Wind blew.", "Rain fell.")
    task = {"id": "t", "prompt": "1 + 1 =", "completion": "2"}
    rows = iter([*told, task, {**task, "id": "u"}])
    kept = once(rows)
    assert next(kept) == told[0] and next(rows) == told[1], "no more is read than is asked for"
    assert list(once([*told, task, {**task, "id": "u"}])) == [
        told[0],
        {**told[1], "text": "Wind blew."},
        task,
    ]
    assert list(deduplication_of("near")(told)) == deduplicate(told)
    with pytest.raises(
        UserError, match=r"variants\.deduplication=exakt: no such choice; did you mean 'exact'"
    ):
        deduplication_of("exakt")


def test_candidates_miss_no_near_duplicate() -> None:
    """The same groups as by comparing every sentence with every leader."""
    rng = Random(0)
    # A few are common, most are rare.
    words = [f"w{int(rng.paretovariate(0.6))}" for _ in range(2000)]
    sentences = sorted({" ".join(rng.choices(words, k=rng.randint(1, 9))) for _ in range(400)})
    sentences += [f"{sentence} indeed" for sentence in sentences[::3]]
    of = {sentence: set(words_of(sentence)) for sentence in sentences}
    count = Counter(word for found in of.values() for word in found)
    idf = {word: math.log(1 + len(of) / n) for word, n in count.items()}

    def weight(found: set[str]) -> float:
        return math.fsum(idf[word] for word in found)

    order, expected = list(sentences), dict[str, str]()
    Random(1).shuffle(order)
    for sentence in order:
        near = {
            leader: weight(of[sentence] & of[leader]) / weight(of[sentence] | of[leader])
            for leader in set(expected.values())
        }
        best = max(near, key=lambda leader: (near[leader], leader), default=sentence)
        expected[sentence] = best if near.get(best, 0) >= THRESHOLD else sentence
    assert 1 < len(set(expected.values())) < len(sentences)
    assert near_duplicates(sentences, Random(1)) == expected
