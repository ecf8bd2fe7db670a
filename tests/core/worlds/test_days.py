"""The days that a world brings: what they hold, and that nothing which is asked of them stands there."""

from random import Random

import pytest

from core.corpus.rows import joined_text
from core.corpus.script import words_of
from core.corpus.tokenizer import train_tokenizer
from core.errors import UserError
from core.models.tokens import plain
from core.worlds import days
from core.worlds.new_skills import NEW_SKILLS
from core.worlds.skills import SKILLS
from core.worlds.world import World


@pytest.fixture(scope="module")
def lasting(small) -> World:
    """The small world with two days to come, and sheets."""
    return World(**small, num_days=2, num_sheets=40)


SOLVED = {
    "rotating": lambda listed: [*listed[1:], listed[0]],
    "skipping": lambda listed: listed[::2],
    "mirroring": lambda listed: [*listed, *reversed(listed)],
}


@pytest.mark.parametrize("family", NEW_SKILLS)
def test_items_follow_their_rule(family: str):
    rng = Random(3)
    for _ in range(50):
        item = NEW_SKILLS[family](rng)
        head, _, rest = item.prompt.removesuffix(" =>").partition(": ")
        given, answer = rest.split(), item.completion.split()
        if family == "weaving":
            left, right = (part.split() for part in head_and(item.prompt))
            assert answer[::2] == left and answer[1::2] == right
        elif family == "dropping":
            gone = head.split()[1]
            assert answer == [letter for letter in given if letter != gone] and gone in given
        else:
            assert answer == SOLVED[family](given)
        assert 0 < item.chance < 0.2


def head_and(prompt: str) -> tuple[str, str]:
    left, _, right = prompt.removeprefix("Weave: ").removesuffix(" =>").partition(" with ")
    return left, right


def test_no_new_family_is_one_of_the_worlds_own():
    assert not NEW_SKILLS.keys() & SKILLS.keys()


def test_a_world_without_days_is_as_it_was(small):
    assert World(**small)._facts.strangers == World(**small, num_days=0)._facts.strangers
    assert list(World(**small).vocabulary()) == []


def test_a_day_is_the_same_each_time_and_other_days_are_others(lasting, small):
    again = World(**small, num_days=2, num_sheets=40)
    assert lasting.day(1).rows() == again.day(1).rows()
    assert lasting.day(1).family != lasting.day(2).family
    names = [{person.name for person in lasting.day(n).people} for n in (1, 2)]
    assert names[0].isdisjoint(names[1])


def test_nobody_of_a_day_stands_in_the_corpus(lasting):
    corpus = " ".join(map(joined_text, lasting.rows()))
    for number in (1, 2):
        assert all(person.name not in corpus for person in lasting.day(number).people)


def test_what_a_day_holds(lasting):
    rows = lasting.day(1).rows()
    assert len({row["id"] for row in rows}) == len(rows)
    counts = {
        source: sum(row["source"] == source for row in rows)
        for source in ("skill", "facts", "notes", "chatter")
    }
    assert counts == {
        "skill": days.NUM_ITEMS,
        "facts": days.NUM_TOLD * days.NUM_WORDINGS,
        "notes": days.NUM_NOTES * days.RECURS,
        "chatter": days.NUM_CHATTER,
    }


def test_what_is_asked_does_not_stand_in_the_day(lasting):
    day = lasting.day(2)
    texts = [joined_text(row) for row in day.rows()]
    for probe in (*day.skill_probes(20), *day.fact_probes(told=True)):
        assert all(probe["prompt"] not in text for text in texts)
    untold = {person.name for person in day.untold}
    assert all(name not in text for name in untold for text in texts)
    items = {item.prompt for item in day.items("labelled", 50)}
    assert items.isdisjoint(row.get("prompt") for row in day.rows())
    assert len(day.fact_probes(told=False)) == len(day.fact_probes(told=True))


def test_the_documents_of_a_fact_tell_it(lasting):
    day = lasting.day(1)
    text = {row["id"]: row.get("text", "") for row in day.rows()}
    for probe in day.fact_probes(told=True):
        ids = day.documents_of_facts()[probe["fact"]]
        assert all(probe["answers"][0] in text[name] for name in ids)


def test_the_vocabulary_knows_the_words_of_the_days(lasting):
    texts = [*map(joined_text, lasting.rows()), *lasting.vocabulary()]
    tokenizer = train_tokenizer(texts, 2200)
    heads = {words_of(row["prompt"])[0] for row in lasting.day(1).rows() if "prompt" in row}
    assert all(len(ids) == 1 for ids in plain(tokenizer, sorted(heads)))


def test_lines_of_sheets_are_items_of_the_corpus(lasting):
    rows = list(lasting.rows())
    items = {joined_text(row) for row in rows if "prompt" in row}
    sheets = [row["text"] for row in rows if row["id"].startswith("sheets-")]
    assert len(sheets) == 40
    assert all(text.startswith("\n") for text in sheets)
    assert {line for text in sheets for line in text.split("\n") if line} <= items


def test_another_day_than_there_are_is_refused(lasting):
    with pytest.raises(UserError, match="day 3: this world has days 1 to 2"):
        lasting.day(3)
