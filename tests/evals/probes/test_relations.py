"""Facts as triples, as a file of them has them, made into probes."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import UserError
from evals.probes.probe import of_axes
from evals.probes.relations import MAX_CHOICES, read_relations
from evals.recall.answers import answer_probes

CAPITAL = {
    "kind": "factual",
    "relation": "capital",
    "templates": ["The capital of {} is", "{}'s capital is"],
    "question_templates": ["What is the capital of {}? It is", "The capital of {} is"],
}
CITIES = {"Peru": "Lima", "Norway": "Oslo", "Latvia": "Riga"}
PLAYS = {"relation": "plays", "subject": "Ada", "templates": ["{} plays the"], "kind": "factual"}
PAST = {"relation": "past", "templates": ["The past of {} is"], "kind": "linguistic"}
PAST |= {"subject": "go", "object": "went"}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def lines(*rows: object) -> Path:
        path = tmp_path / "F.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return lines


@pytest.fixture
def capitals() -> list[dict]:
    return [{**CAPITAL, "subject": name, "object": city} for name, city in CITIES.items()]


def test_a_fact_is_asked_by_its_first_template(write: Write, capitals: list[dict]) -> None:
    probes = of_axes(read_relations(write(*capitals, PAST)), "recall")
    assert [(p.family, p.prompt, p.answers) for p in probes] == [
        *(("capital", f"The capital of {name} is", (city,)) for name, city in CITIES.items()),
        ("past", "The past of go is", ("went",)),
    ]
    assert len({probe.id for probe in probes}) == 4
    assert {probe.choices for probe in probes} == {()}, "it has to say the object"


def test_the_other_templates_are_other_forms_of_the_same_fact(
    write: Write, capitals: list[dict]
) -> None:
    probes = [p for p in read_relations(write(*capitals)) if p.fact == "capital: Peru"]
    assert {(p.form, p.prompt) for p in probes} == {
        ("statement", "The capital of Peru is"),
        ("paraphrase", "Peru's capital is"),
        ("question", "What is the capital of Peru? It is"),
        ("choice", "The capital of Peru is"),
    }
    assert len({p.id for p in probes}) == 4 and len({p.half for p in probes}) == 1
    [choice] = [p for p in probes if p.form == "choice"]
    assert (set(choice.choices), choice.chance) == (set(CITIES.values()), 1 / 3)


def test_each_of_several_objects_is_right_and_counts_once(write: Write) -> None:
    rows = [{**PLAYS, "object": thing} for thing in ("harp", "flute", "harp")]
    [probe] = of_axes(read_relations(write(*rows)), "recall")
    assert probe.answers == ("harp", "flute")


def test_many_objects_are_no_choice_and_a_guess_is_the_commonest(write: Write) -> None:
    rows = [
        {**PLAYS, "subject": f"s{n}", "object": f"o{max(0, n - 7)}"}
        for n in range(MAX_CHOICES + 8)  # one object eight times, then another each time
    ]
    probes = read_relations(write(*rows))
    assert {p.form for p in probes} == {"statement"}
    assert {p.chance for p in probes} == {8 / len(rows)}
    drawn = read_relations(write(*rows), num_facts=5)
    assert len(drawn) == 5 and {p.chance for p in drawn} == {8 / len(rows)}, "as of all"


def test_so_many_facts_of_the_kinds_asked_for(write: Write, capitals: list[dict]) -> None:
    path = write(*capitals, PAST)
    assert {p.family for p in read_relations(path, kinds=["linguistic"])} == {"past"}
    drawn = [
        tuple(p.fact for p in of_axes(read_relations(path, num_facts=2, seed=seed), "recall"))
        for seed in range(9)
    ]
    assert {len(facts) for facts in drawn} == {2} and len(set(drawn)) > 1
    assert read_relations(path, num_facts=2, seed=1) == read_relations(path, num_facts=2, seed=1)
    with pytest.raises(UserError, match=r"no row of kind 'factul'; did you mean 'factual'\?"):
        read_relations(path, kinds=["factul"])
    with pytest.raises(UserError, match="num_facts must be 1 or more, not 0"):
        read_relations(path, num_facts=0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"subject": None}, "field 'subject' is missing"),
        ({"object": " "}, "object is empty"),
        ({"relation": 3}, "relation must be text, not 3"),
        ({"relation": "all"}, "relation 'all'"),
        ({"templates": None}, "field 'templates' is missing"),
        ({"templates": []}, "templates is empty"),
        ({"templates": "{} is"}, "templates must be a list of texts"),
        ({"templates": ["The capital is"]}, "an item of templates needs one {} for the subject"),
        ({"question_templates": ["{} or {}?"]}, "an item of question_templates needs one {}"),
        ({"kind": 1}, "kind must be text"),
        ({"subjct": "x"}, "unknown field 'subjct'; did you mean 'subject'?"),
    ],
)
def test_a_bad_row_is_one_line_with_file_line_and_field(
    write: Write, capitals: list[dict], change: dict, says: str
) -> None:
    path = write(capitals[0], {**capitals[1], **change})
    with pytest.raises(UserError) as error:
        read_relations(path)
    message = str(error.value)
    assert message.startswith(f"{path}:2: ") and says in message and "\n" not in message


def test_what_is_no_file_of_facts(write: Write, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no probe file at"):
        read_relations(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="has no probes"):
        read_relations(write())
    with pytest.raises(UserError, match="a fact is a JSON object, not a list"):
        read_relations(write([1]))


def test_a_model_answers_them(write: Write, capitals: list[dict], model, tokenizer) -> None:
    probes = read_relations(write(*capitals))
    answers = answer_probes(model, tokenizer, probes)
    by_choice = [a for p, a in zip(probes, answers, strict=True) if p.form == "choice"]
    assert {a.predicted for a in by_choice} <= set(CITIES.values())


def test_others_of_the_relation_are_told_first_in_the_same_words(
    write: Write, capitals: list[dict]
) -> None:
    probes = read_relations(write(*capitals, PAST), num_shown=2)
    first, second = of_axes(probes, "recall")[:2]
    norway, latvia = "The capital of Norway is Oslo", "The capital of Latvia is Riga"
    assert first.prompt == f"{norway}\n{latvia}\nThe capital of Peru is"
    assert second.prompt.startswith("The capital of Peru is Lima\n") and "Oslo" not in second.prompt
    asked = next(p for p in probes if p.form == "question" and p.fact == first.fact)
    assert asked.prompt.count("What is the capital of") == 3
    alone = next(p for p in probes if p.family == "past")
    assert alone.prompt == PAST["templates"][0].replace("{}", "go")
    with pytest.raises(UserError, match="num_shown must be 0 or more"):
        read_relations(write(*capitals), num_shown=-1)


def test_only_some_relations_are_asked_for(write: Write, capitals: list[dict]) -> None:
    path = write(*capitals, PAST)
    assert {p.family for p in read_relations(path, relations=["past"])} == {"past"}
    with pytest.raises(UserError, match=r"no row of relation 'pas'; did you mean 'past'\?"):
        read_relations(path, relations=["pas"])


def test_lines_shown_are_written_as_their_script_is(write: Write) -> None:
    facts = [("青島国", "東京"), ("赤坂国", "大阪")]
    rows = [
        {"relation": "首都", "subject": s, "object": f" {o}", "templates": ["{}の首都は "]}
        for s, o in facts
    ]
    first, _ = [p for p in read_relations(write(*rows), num_shown=1) if p.form == "statement"]
    assert first.prompt == "赤坂国の首都は大阪\n青島国の首都は"
    assert first.answers == ("東京",)


def test_two_facts_of_one_id_are_refused(write: Write) -> None:
    one = {"relation": "a: b", "subject": "c", "object": "X", "templates": ["{} is"]}
    two = {"relation": "a", "subject": "b: c", "object": "Y", "templates": ["{} was"]}
    with pytest.raises(
        UserError,
        match=r":2: relation 'a' of 'b: c' has the id of relation 'a: b' of 'c' at \S+:1;",
    ):
        read_relations(write(one, two))


def test_a_normal_form_makes_no_other_object_or_subject(write: Write) -> None:
    def apart(text: str) -> str:
        return unicodedata.normalize("NFD", text)

    row = {"relation": "serves", "templates": ["{} serves"]}
    rows = [("René", "Café"), ("Ada", apart("Café")), (apart("René"), "Tee"), ("Bo", "Tee")]
    probes = read_relations(write(*({**row, "subject": s, "object": o} for s, o in rows)))
    chosen = [probe for probe in probes if probe.form == "choice"]
    assert [(probe.answers, probe.choices) for probe in chosen] == [
        (("Café", "Tee"), ("Café", "Tee")),
        (("Café",), ("Café", "Tee")),
        (("Tee",), ("Café", "Tee")),
    ]
