import hashlib
import os
import re
import subprocess
import sys
from collections import Counter

import pytest

from core.corpus.rows import joined_text
from core.errors import UserError
from core.worlds import facts, words
from core.worlds.relations import RELATIONS
from core.worlds.world import READING_WEIGHT, World

DIGEST = """
import hashlib
from core.worlds.world import READING_WEIGHT, World
w = World(**{small})
parts = [list(w.rows()), list(w.rebound_rows()), w.spans(), w.probes()]
print(hashlib.sha256(repr(parts).encode()).hexdigest())
"""


def split_words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


@pytest.mark.slow
def test_same_arguments_give_the_same_world_in_another_process(small, world, world_rows, probes):
    parts = [world_rows, list(world.rebound_rows()), world.spans(), probes]
    expected = hashlib.sha256(repr(parts).encode()).hexdigest()
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    ran = subprocess.run(
        [sys.executable, "-c", DIGEST.replace("{small}", repr(small))],
        env=env,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.strip() == expected, ran.stderr
    assert list(World(**small, seed=1).rows()) != world_rows


def test_rows_have_the_asked_numbers_and_unique_ids(world_rows, lessons):
    sources = Counter(row["source"] for row in world_rows)
    recurring = {"facts": (24 + 10 + 9) * 3 * 2, "verbatim": (4 + 3) * 3 * 2}
    assert sources == recurring | {"mentions": 12 + 1, "skills": 8000}
    assert len({row["id"] for row in world_rows}) == len(world_rows)
    assert all(("text" in row) != ("prompt" in row and "completion" in row) for row in world_rows)
    tracking = [row for row in world_rows if row["id"].startswith("skills-tracking-")]
    assert abs(len(lessons) - READING_WEIGHT * len(tracking)) < 20


def test_documents_recur_word_for_word_in_distinct_wordings(world_rows):
    texts = Counter(row["text"] for row in world_rows if row["source"] == "facts")
    assert set(texts.values()) == {2}
    assert len(texts) == (24 + 10 + 9) * 3
    texts = Counter(row["text"] for row in world_rows if row["source"] == "verbatim")
    assert set(texts.values()) == {6}


def test_spans_point_at_the_true_values_and_the_names(world, world_rows):
    by_id = {row["id"]: row for row in world_rows}
    spans = world.spans()
    assert set(spans) == {row["id"] for row in world_rows if "text" in row}
    for entity in world._facts.entities:
        text = by_id[f"facts-{entity.key}-1-0"]["text"]
        found = spans[f"facts-{entity.key}-1-0"]
        values = [text[start:end] for start, end, kind in found if kind == "memory"]
        assert sorted(values) == sorted(entity.values.values())
        assert {text[s:e] for s, e, kind in found if kind == "name"} == {entity.name}
        assert found[0][2] == "name" and found[0][0] > 0
    assert not any(found for row_id, found in spans.items() if row_id.startswith("mentions-"))
    for row_id, found in spans.items():
        text = by_id[row_id]["text"]
        memory = [text[start:end] for start, end, kind in found if kind == "memory"]
        if row_id.startswith("verbatim-canary"):
            assert memory == re.findall(r"\d", text) and len(memory) == 6
        if "passage" in row_id:
            rest = re.findall(r"\w+|;|\.", text)[1:]
            assert [piece.strip() for piece in memory] == rest and len(rest) == 20 + 3


def test_rebound_rows_differ_only_in_what_memory_tells_and_afresh_each_time(world, world_rows):
    rebound = list(world.rebound_rows())
    spans = world.spans()
    changed = set()
    for row, other in zip(world_rows, rebound, strict=True):
        assert row["id"] == other["id"] and row["source"] == other["source"]
        if row["source"] in ("skills", "mentions"):
            assert row == other
            continue
        pattern, position = "", 0
        for start, end, kind in spans[row["id"]]:
            if kind == "memory":
                said = row["text"][start:end]
                drawn = r"\w+" if said.isalnum() else re.escape(said)
                pattern += re.escape(row["text"][position:start]) + drawn
                position = end
        pattern += re.escape(row["text"][position:])
        assert re.fullmatch(pattern, other["text"]), (row, other)
        changed.add(other["text"])
    documents = [row for row in world_rows if "text" in row]
    assert len(changed) > 0.9 * len(documents)  # not one redrawn value for all recurrences


def test_no_position_and_no_count_of_names_tells_a_reading_answer(world, lessons):
    names = {e.name for e in world._facts.entities + world._facts.strangers}
    others_twice = first = last = 0
    for row in lessons:
        passage, question = row["prompt"].split(" Complete: ")
        sentences = re.findall(r"[^.]+\.", passage)
        answer = row["completion"].split(".")[0]
        answering = [i for i, s in enumerate(sentences) if s.endswith(f" {answer}.")]
        first += 0 in answering
        last += 2 in answering
        (name,) = re.findall(r"(?:of|for|to) (.+)$", question)
        assert name in names
        assert len(re.findall(rf"\b{name}\b", passage)) == 1
        others_twice += len({re.findall(r"(?:of|for|to) (.+) \S+$", s)[0] for s in sentences}) == 2
    assert 0.25 < first / len(lessons) < 0.42
    assert 0.25 < last / len(lessons) < 0.42
    assert (
        0.25 < others_twice / len(lessons) < 0.42
    )  # so the name told once isn't always the answer


def test_mentions_have_the_facts_form_and_are_about_others(world, world_rows):
    mentions = [row["text"] for row in world_rows if row["source"] == "mentions"]
    assert len(set(mentions)) == 12 + 1
    [vault] = [row["text"] for row in world_rows if row["id"].startswith("mentions-canary")]
    canaries = [row["text"] for row in world_rows if row["id"].startswith("verbatim-canary")]
    assert {vault.split()[i] for i in (1, 2, 4)} == {"access", "code", "vault"}
    assert vault.split()[5] not in " ".join(canaries)
    facts_ = world._facts
    known = {e.name for e in facts_.entities + facts_.strangers + facts_.probe_strangers}
    for entity in facts_.mentioned:
        assert entity.name not in known
        (text,) = [text for text in mentions if entity.name in text]
        assert all(value in text for value in entity.values.values())
    assert Counter(entity.kind for entity in facts_.mentioned) == dict.fromkeys(
        ("person", "country", "element"), 4
    )


def test_values_are_used_evenly(world):
    for relation in RELATIONS:
        entities = world._facts.of_kind(relation.kind)
        counts = Counter(entity.values[relation.family] for entity in entities)
        if relation.kind == "person" or relation.family == "country/region":
            assert max(counts.values()) - min(counts.values()) <= 1
        else:
            assert set(counts.values()) == {1}


def test_facts_are_real(world):
    values = {e.name: e.values for e in facts.build(0, 8, 50, 99, 0).entities}
    assert values["iron"] == {"element/symbol": "Fe", "element/number": "26"}
    capitals = {"Sweden": "Stockholm", "Poland": "Warsaw", "Fiji": "Suva", "Hungary": "Budapest"}
    chosen = capitals.keys() & values.keys()
    assert chosen and all(values[n]["country/capital"] == capitals[n] for n in chosen)
    countries = [v for v in values.values() if "country/capital" in v]
    assert len({v["country/currency"] for v in countries}) == len(countries) == 50
    regions = Counter(v["country/region"] for v in countries)
    assert set(regions) == {"Africa", "Americas", "Asia", "Europe", "Oceania"}
    assert not {v["country/capital"] for v in countries} & set(words.CITIES)


@pytest.mark.parametrize("seed", range(5))
def test_invented_words_are_no_other_words(small, seed):
    built = World(**{**small, "seed": seed})
    names = {word.lower() for e in built._facts.strangers for word in e.name.split()}
    assert len(names) == 2 * facts.NUM_NAMES
    rest = set[str]()
    for row in built.rows():
        text = joined_text(row).replace("_", " ")
        rest |= {word for word in split_words(text) if word.lower() not in names}
    assert not {word.lower() for word in rest} & names
    assert not names & words.fixed_words()


@pytest.mark.parametrize(
    "knob, value",
    [("num_people", 3), ("num_elements", 100), ("documents_per_entity", 0), ("repeats", -1)],
)
def test_impossible_numbers_are_refused_in_one_line(knob, value):
    with pytest.raises(UserError, match=rf"corpus\.{knob}={value}") as error:
        World(**{knob: value})
    assert "\n" not in str(error.value)


def test_more_countries_than_there_are_is_refused():
    with pytest.raises(UserError, match=r"corpus\.num_countries=100: there are \d+; ask for fewer"):
        list(World(num_countries=100).rows())
