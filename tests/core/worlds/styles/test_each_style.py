"""What makes each style what it is."""

import re
from collections import Counter
from functools import cache

import pytest

from core.worlds import words
from core.worlds.world import World


@cache
def rows_of(world: World) -> list[dict]:
    return list(world.rows())


@cache
def probes_of(world: World) -> list[dict]:
    return world.probes()


def documents(world: World, source: str = "facts") -> list[str]:
    return [row["text"] for row in rows_of(world) if row["source"] == source]


def lessons(world: World) -> list[dict]:
    return [row for row in rows_of(world) if row["id"].startswith("skills-reading-")]


def test_compounds_are_named_by_words_of_other_texts(make_world) -> None:
    world = make_world("compounds")
    everyone = world._facts.everyone()
    names = [entity.name.split() for entity in everyone]
    assert len(set(map(tuple, names))) == len(names)
    assert {first for first, _, _ in names} == {"the"}
    assert {word for _, *pair in names for word in pair} <= {*words.ADJECTIVES, *words.NOUNS}
    values = {v for e in world._facts.entities for v in e.values.values()}
    assert {"years", "nouns", "capitals"} == {
        "years" if v.isdecimal() else "nouns" if v.islower() else "capitals" for v in values
    }
    ordering = [row for row in rows_of(world) if row["id"].startswith("skills-ordering-")]
    assert all(re.search(r"[a-z]{3,} is taller than [a-z]{2,}\.", r["prompt"]) for r in ordering)


def test_lowercase_has_no_capital(make_world) -> None:
    world = make_world("lowercase")
    for row in [*rows_of(world), *world.rebound_rows()]:
        assert all(str(value).islower() for key, value in row.items() if key in ("text", "prompt"))
    for probe in probes_of(world):
        said = [probe["prompt"], *probe["answers"], *probe.get("choices", [])]
        assert said == [text.lower() for text in said]


def test_a_paragraph_names_its_subject_once_and_each_fact_opens_some(make_world) -> None:
    world = make_world("paragraph")
    spans, told = world.spans(), {row["id"]: row.get("text") for row in rows_of(world)}
    for entity in world._facts.entities:
        opened = set()
        for wording in range(8):
            row_id = f"facts-{entity.key}-{wording}-0"
            kinds = Counter(kind for *_, kind in spans[row_id])
            assert kinds == {"name": 1, "memory": len(entity.values)}
            text = told[row_id]
            assert text.count(entity.name) == 1 and "\n" not in text
            start, end, _ = spans[row_id][1]
            opened.add(text[start:end])
        assert opened == set(entity.values.values())


def test_a_dialogue_has_two_who_take_turns(make_world) -> None:
    speakers = set()
    for text in documents(make_world("dialogue")):
        turns = [line.split(": ")[0] for line in text.split("\n")]
        assert len(set(turns)) == 2 and turns == turns[:2] * (len(turns) // 2)
        speakers.add(turns[0])
    assert {"A", "Anna"} <= speakers


def test_tables_and_lists_are_mixed(make_world) -> None:
    kinds = Counter()
    for text in documents(make_world("tables")):
        lines = text.split("\n")
        table = sum(line.startswith("| ") and line.endswith(" |") for line in lines)
        listed = sum(": " in line for line in lines)
        assert table + listed == len(lines)
        kinds["table" if not listed else "list" if not table else "mixed"] += 1
    assert len(kinds) == 3 and min(kinds.values()) > 20


def test_names_are_shared_among_kinds(make_world) -> None:
    facts = make_world("shared_names")._facts
    kinds: dict[str, list[str]] = {}
    for entity in facts.entities + facts.mentioned:
        kinds.setdefault(entity.name, []).append(entity.kind)
    shared = [found for found in kinds.values() if len(found) == 3]
    assert len(shared) == 8 + 4
    assert all(sorted(found) == ["country", "element", "person"] for found in shared)


def test_common_values_have_one_to_three_words(make_world) -> None:
    facts = make_world("common_values")._facts
    for pool in facts.pools.values():
        assert len(set(pool)) == len(pool)
        assert all(value == value.lower() for value in pool)
    sizes = Counter(len(value.split()) for pool in facts.pools.values() for value in pool)
    assert set(sizes) == {1, 2, 3}
    assert any(value.isdecimal() for value in facts.pools["person/instrument"])


def test_verb_final_sentences_end_with_a_verb(make_world) -> None:
    world = make_world("verb_final")
    for text in documents(world):
        sentences = re.findall(r"[^.]+\.", text)
        assert all(s.endswith((" tovesh.", " kemesh.")) for s in sentences)
    assert all(entity.name.islower() for entity in world._facts.everyone())


def test_no_spaces_has_none_and_no_letters(make_world) -> None:
    world = make_world("no_spaces")
    said = [row.get(key, "") for row in rows_of(world) for key in ("text", "prompt", "completion")]
    said += [row.get("text", "") for row in world.rebound_rows()]
    said += [text for p in probes_of(world) for text in (p["prompt"], *p["answers"])]
    said += [choice for p in probes_of(world) for choice in p.get("choices", [])]
    assert not any(re.search(r"[\sA-Za-z0-9]", text) for text in said)
    assert all(text.endswith("。") for text in documents(world))


def test_no_two_words_are_written_alike_in_no_spaces(make_world) -> None:
    world = make_world("no_spaces")
    listed = {name for e in world._facts.everyone() for name in e.name.split()}
    listed |= {v for pool in world._facts.pools.values() for v in pool} | words.fixed_words()
    written = Counter(map(world._spell, listed))
    assert set(written.values()) == {1}
    assert {len(word) for word in written} == {1, 2}


@pytest.mark.parametrize("style", ["plain", "lowercase", "common_values", "dialogue", "no_spaces"])
def test_what_is_looked_up_is_written_as_lessons_are(style: str, make_world) -> None:
    """A whole statement with a recall probe makes the prompt of a lesson about them."""
    world = make_world(style)
    person, other = world._facts.entities[:2]
    city, job, *_ = world._facts.relations_of("person")

    def said(entity, relation) -> tuple[str, str]:
        value = entity.values[relation.family]
        (statement,) = {s for s in relation.statements if s.startswith(relation.cues[0])}
        return statement.format(name=entity.name, value=value), value

    form, spell = world._style.reading, world._spell
    told, telegrams = [], []
    for entity, relation in ((person, city), (other, job)):
        statement, value = said(entity, relation)
        told.append(spell(statement))
        telegrams.append(
            f"{form.telegram(relation.cues[0]).format(name=entity.name)} {value}{form.end}"
        )
    cue = city.cue.format(name=person.name)
    lesson = form.prompt(telegrams, form.telegram(cue))
    assert world.reading_prompt(told, spell(cue)) == spell(lesson)
