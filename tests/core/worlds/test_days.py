"""The days that a world brings: what they hold, and that nothing which is asked of them stands there."""

from random import Random

import pytest

from core.corpus.rows import joined_text
from core.corpus.script import words_of
from core.corpus.tokenizer import train_tokenizer
from core.errors import UserError
from core.models.tokens import plain
from core.worlds import days, newcomers
from core.worlds.exercises import PLACES
from core.worlds.new_rules import NEW_RULES, SIGNS
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


def test_an_entry_follows_its_format():
    rng = Random(3)
    for _ in range(50):
        item = NEW_RULES["record"](rng)
        place, things, day = item.completion.split(" | ")
        number, thing = things.split()
        said = item.prompt.removeprefix("Record: ").removesuffix(" =>").split()
        assert place in PLACES and place in said and f"{thing}s" in said
        assert [word[:3] for word in said if word.endswith("day")] == [day]
        names = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
        assert names[int(number) - 2] in said


def test_a_chart_says_how_things_lie():
    rng = Random(3)
    for _ in range(50):
        item = NEW_RULES["chart"](rng)
        first, *rest = item.completion.split()
        said = item.prompt.removeprefix("Chart: ").removesuffix(" =>")
        words = {sign: relation for relation, sign in SIGNS.items()}
        things = [first, *rest[1::2]]
        pairs = zip(things, rest[::2], things[1:], strict=False)
        assert said == " and ".join(f"the {a} {words[sign]} the {b}" for a, sign, b in pairs)


def head_and(prompt: str) -> tuple[str, str]:
    left, _, right = prompt.removeprefix("Weave: ").removesuffix(" =>").partition(" with ")
    return left, right


def test_no_new_family_is_one_of_the_worlds_own():
    assert not NEW_SKILLS.keys() & SKILLS.keys()


def test_a_world_without_days_is_as_it_was(small):
    assert World(**small)._facts.strangers == World(**small, num_days=0)._facts.strangers
    assert list(World(**small).vocabulary()) == []


def names_of(day: days.Day) -> set[str]:
    return {person.name for person in (*day.newcomers.told, *day.newcomers.untold)}


def test_a_day_is_the_same_each_time_and_other_days_are_others(lasting, small):
    again = World(**small, num_days=2, num_sheets=40)
    assert lasting.day(1).rows() == again.day(1).rows()
    assert lasting.day(1).families != lasting.day(2).families
    names = [names_of(lasting.day(n)) for n in (1, 2)]
    assert names[0].isdisjoint(names[1])


def test_nobody_of_a_day_stands_in_the_corpus(lasting):
    corpus = " ".join(map(joined_text, lasting.rows()))
    for number in (1, 2):
        assert all(name not in corpus for name in names_of(lasting.day(number)))


def test_what_a_day_holds(lasting):
    rows = lasting.day(1).rows()
    assert len({row["id"] for row in rows}) == len(rows)
    counts = {
        source: sum(row["source"] == source for row in rows)
        for source in ("skill", "facts", "notes", "chatter")
    }
    assert counts == {
        "skill": days.NUM_ITEMS,
        "facts": newcomers.NUM_TOLD * newcomers.NUM_WORDINGS,
        "notes": days.NUM_NOTES * days.RECURS,
        "chatter": days.NUM_CHATTER,
    }


@pytest.fixture(params=["of the world", "in English"])
def day(request: pytest.FixtureRequest, lasting) -> days.Day:
    return lasting.day(2) if request.param == "of the world" else days.EnglishDays(seed=3).day(1)


def test_what_is_asked_does_not_stand_in_the_day(day):
    texts = [joined_text(row) for row in day.rows()]
    for probe in (*day.skill_probes(20), *day.fact_probes(told=True)):
        assert all(probe["prompt"] not in text for text in texts)
    untold = {person.name for person in day.newcomers.untold}
    assert all(name not in text for name in untold for text in texts)
    items = {item.prompt for own in day.items("labelled", 50).values() for item in own}
    assert items.isdisjoint(row.get("prompt") for row in day.rows())
    assert len(day.fact_probes(told=False)) == len(day.fact_probes(told=True))


def test_the_documents_of_a_fact_tell_it(day):
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
