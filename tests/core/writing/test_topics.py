"""Topics read back what they state, and nothing that isn't such a statement."""

import pytest

from core.writing.names import NAMED
from core.writing.topics import NAMES, WORDS, Topic
from core.writing.words import COMMON

EVERY = [*NAMED, *COMMON]


def test_names_of_topics_are_their_own_and_there_are_many() -> None:
    assert len({topic.name for topic in EVERY}) == len(EVERY)
    assert {t.about for t in NAMED} == {NAMES} and {t.about for t in COMMON} == {WORDS}
    assert len(NAMED) >= 25 and len(COMMON) >= 25


@pytest.mark.parametrize("topic", EVERY, ids=lambda topic: topic.name)
def test_a_topic_reads_its_own_statements_and_no_others(topic: Topic) -> None:
    assert len(topic.shown) >= 4
    for subject, value in topic.shown:
        statement = topic.state(subject, value)
        assert topic.read(statement) == (subject, value)
        assert statement.startswith(topic.begin(subject)) and statement.startswith(topic.begin())
        assert topic.begin(subject).endswith(topic.begin(subject).strip())
        assert subject in topic.ask(subject) and topic.ask(subject).endswith("?")
    assert topic.read("Nothing of the kind.") is None


def test_a_clause_is_no_value() -> None:
    capital = NAMED[0]
    assert capital.read("The capital of Chile is Santiago, which is large.") is None
    assert capital.read("The capital of Chile is Chile.") is None
    assert capital.read("The capital of Chile is Santiago") is None
    assert capital.read(" The capital of New Zealand is Wellington. ") == (
        "New Zealand",
        "Wellington",
    )
