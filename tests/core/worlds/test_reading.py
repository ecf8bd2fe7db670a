"""The form in which the world teaches to read."""

import re

from core.worlds import reading
from core.worlds.relations import RELATIONS
from core.worlds.world import World


def test_what_is_looked_up_is_written_as_lessons_are(lessons: list[dict]) -> None:
    """Sentences of documents with a question make the very prompt of a lesson that says the same."""
    for row in lessons[:50]:
        passage, cue = re.fullmatch(r"Passage: (.*) Complete: (.*)", row["prompt"]).groups()
        told = [re.sub(r" (\S+)$", r" is \1", said) for said in re.split(r"(?<=\.) ", passage)]
        assert reading.prompt(told, f"{cue} is") == row["prompt"]


def test_a_statement_that_begins_with_its_value_stays_as_it_is() -> None:
    [said] = {r.statements[-1] for r in RELATIONS if r.family == "person/city"}
    statement = said.format(name="Ada Bell", value="Rome")
    assert reading.telegram_of(statement) == statement


def test_the_documents_of_a_fact_are_those_that_tell_it(world: World, world_rows, probes) -> None:
    told, texts = world.documents_of_facts(), {row["id"]: row.get("text") for row in world_rows}
    recall = [p for p in probes if p["axis"] == "recall" and "form" not in p]
    assert told.keys() == {p["fact"] for p in recall}
    for probe in recall:
        assert told[probe["fact"]]
        assert all(probe["answers"][0] in texts[name] for name in told[probe["fact"]])
