"""What holds in every style: documents, their truth and the probes agree."""

import re
from collections import Counter
from functools import cache

import pytest

from core.corpus.tokenizer import train_tokenizer
from core.worlds import styles
from core.worlds.world import World

ALL = styles.names()
SEQUENCE = 128  # tokens


@pytest.fixture(params=ALL)
def style(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def world(style: str, make_world) -> World:
    return make_world(style)


@pytest.fixture
def separator(style: str) -> str:
    return "" if style in ("no_spaces", "syllables") else " "


@cache
def rows_of(world: World) -> list[dict]:
    return list(world.rows())


@cache
def probes_of(world: World) -> list[dict]:
    return world.probes()


def texts(world: World, source: str | None = None) -> dict[str, str]:
    return {
        row["id"]: row["text"]
        for row in rows_of(world)
        if "text" in row and source in (None, row["source"])
    }


def recall(world: World) -> list[dict]:
    return [p for p in probes_of(world) if p["axis"] == "recall" and "form" not in p]


def test_rows_are_as_many_as_in_the_plain_world(world: World, make_world) -> None:
    plain = [(row["id"], row["source"]) for row in rows_of(make_world("plain"))]
    assert [(row["id"], row["source"]) for row in rows_of(world)] == plain


def test_wordings_are_distinct_and_recur(world: World) -> None:
    counts = Counter(texts(world, "facts").values())
    assert set(counts.values()) == {2} and len(counts) == (12 + 8 + 8) * 8


def _with_their_rest(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """The spans, a value of several words as one: how it goes on is a name's, from the first word on."""
    whole = spans[:1]
    for start, end, kind in spans[1:]:
        first, stop, before = whole[-1]
        if (before, kind) == ("memory", "name") and stop == start:
            whole[-1] = (first, end, before)
        else:
            whole.append((start, end, kind))
    return whole


def test_spans_are_values_of_their_pools_and_the_named_mentions(world: World) -> None:
    spell, told, spans = world._spell, texts(world), world.spans()
    assert set(spans) == set(told)
    for entity in world._facts.entities:
        pools = {family: set(map(spell, world._facts.pools[family])) for family in entity.values}
        values = Counter(map(spell, entity.values.values()))
        for wording in range(8):
            row_id = f"facts-{entity.key}-{wording}-0"
            text, found = told[row_id], spans[row_id]
            assert found[0][2] == "name", "what opens a document has to tell whom it is about"
            whole = _with_their_rest(found)
            memory = [text[start:end] for start, end, kind in whole if kind == "memory"]
            assert Counter(memory) == values
            assert all(any(value in pool for pool in pools.values()) for value in memory)
            names = {text[start:end] for start, end, kind in whole if kind == "name"}
            assert names == {spell(entity.name)}
    assert all(not found for row_id, found in spans.items() if row_id.startswith("mentions-"))


def test_a_fact_is_told_by_its_documents(world: World) -> None:
    told, by_fact = texts(world), world.documents_of_facts()
    probes = recall(world)
    assert {probe["fact"] for probe in probes} == set(by_fact)
    for probe in probes:
        (answer,) = probe["answers"]
        assert by_fact[probe["fact"]]
        assert all(answer in told[row_id] for row_id in by_fact[probe["fact"]])


def test_no_document_says_what_a_recall_probe_asks_as_it_asks(world: World, separator: str) -> None:
    told = "\n\n".join(set(texts(world).values()))
    for probe in recall(world):
        assert probe["prompt"] not in told
    for probe in probes_of(world):
        if "form" in probe:
            assert separator.join([probe["prompt"], probe["answers"][0]]) not in told
    for probe in probes_of(world):
        if probe["axis"] == "verbatim":
            assert separator.join([probe["prompt"], probe["answers"][0]]) in told


def test_rebound_rows_are_the_same_with_other_values(world: World) -> None:
    spans, changed = world.spans(), 0
    for row, other in zip(rows_of(world), world.rebound_rows(), strict=True):
        assert {**row, "text": ""} == {**other, "text": ""}
        if row["source"] in ("skills", "mentions"):
            assert row == other
            continue
        pattern, position = "", 0
        for start, end, kind in _with_their_rest(spans[row["id"]]):
            if kind == "memory":
                pattern += re.escape(row["text"][position:start]) + ".+?"
                position = end
        pattern += re.escape(row["text"][position:])
        assert re.fullmatch(pattern, other["text"], re.DOTALL)
        changed += row["text"] != other["text"]
    assert changed > 0.9 * len(spans) - 20


def test_open_book_answers_stand_in_the_passage_and_the_question_is_new(world: World) -> None:
    probes = [p for p in probes_of(world) if p["axis"] == "open_book"]
    assert Counter(p["family"] for p in probes) == dict.fromkeys(
        ("fresh", "true", "counterfactual"), 12
    )
    facts = {p["fact"]: p["answers"] for p in recall(world)}
    lessons = [row for row in rows_of(world) if row["id"].startswith("skills-reading-")]
    assert lessons and not {p["prompt"] for p in probes} & {row["prompt"] for row in lessons}
    for probe in probes:
        assert probe["answers"][0] in probe["prompt"]
        if probe["family"] != "fresh":
            assert (probe["answers"] == facts[probe["fact"]]) == (probe["family"] == "true")
    for row in lessons:
        assert not row["completion"].startswith(" ") and not row["prompt"].endswith(" ")


def test_a_lesson_has_the_value_right_behind_the_name(world: World, separator: str) -> None:
    names = {world._spell(entity.name) for entity in world._facts.everyone()}
    values = {world._spell(value) for pool in world._facts.pools.values() for value in pool}
    for row in rows_of(world):
        if row["id"].startswith("skills-reading-"):
            assert any(row["prompt"].endswith(name) for name in names)
            name = max((n for n in names if row["prompt"].endswith(n)), key=len)
            value = max((v for v in values if row["completion"].startswith(v)), key=len)
            assert f"{name}{separator}{value}" in row["prompt"]


def test_the_same_seed_gives_the_same_world_and_another_another(world: World, make_world) -> None:
    again = World(**{**vars_of(world)})
    parts = [list(again.rows()), list(again.rebound_rows()), again.spans(), again.probes()]
    assert parts == [rows_of(world), list(world.rebound_rows()), world.spans(), probes_of(world)]
    other = make_world(world.style, 1)
    assert set(texts(other, "facts").values()).isdisjoint(texts(world, "facts").values())


def vars_of(world: World) -> dict:
    return {name: getattr(world, name) for name in World.__dataclass_fields__}


def test_rows_and_prompts_fit_a_sequence_and_prompts_end_between_tokens(
    world: World, separator: str
) -> None:
    joined = [
        row["text"] if "text" in row else separator.join([row["prompt"], row["completion"]])
        for row in rows_of(world)
    ]
    tokenizer = train_tokenizer(joined, 2200)
    assert max(map(len, tokenizer(joined)["input_ids"])) < SEQUENCE
    for probe in probes_of(world)[::7]:
        prompt = tokenizer(probe["prompt"])["input_ids"]
        whole = tokenizer(separator.join([probe["prompt"], probe["answers"][0]]))["input_ids"]
        assert whole[: len(prompt)] == prompt and len(prompt) < len(whole) < SEQUENCE
