"""Requests show examples, feed back what was written, and are the same for the same seed."""

from collections import Counter

from core.writing.names import NAMED
from core.writing.notebook import PROSE, READING, TOPICS, Notebook, Request
from core.writing.requests import ROUND, kind_of, requests
from core.writing.words import COMMON


def notebook() -> Notebook:
    made = Notebook(lambda text: len(text.split()))
    made.take(Request("city", ""), "The city of Quito is in Ecuador.\n", ended=True)
    return made


def test_every_kind_comes_in_each_round_and_requests_are_drawn_by_the_seed() -> None:
    kinds = {kind_of(number) for number in range(len(ROUND))}
    assert kinds == {"names", "words", "statements", "questions", PROSE, READING}
    for number in range(len(ROUND)):
        one, again = (requests(notebook(), number, 3) for _ in range(2))
        assert one == again
        assert kind_of(number) == READING or one != requests(notebook(), number, 4)


def test_every_topic_is_asked_for_as_often() -> None:
    for kind, topics in (("names", NAMED), ("words", COMMON)):
        asked = Counter(
            request.form
            for number in range(4 * len(ROUND))
            if kind_of(number) == kind
            for request in requests(notebook(), number, 3)
        )
        assert asked.keys() == {topic.name for topic in topics}
        assert max(asked.values()) - min(asked.values()) <= 1


def test_examples_come_first_and_what_was_named_is_asked_for() -> None:
    made = notebook()
    every = [r for n in range(0, 600) if kind_of(n) == "names" for r in requests(made, n, 0)]
    for request in every:
        lines = request.prompt.split("\n")
        assert request.begun == lines.pop() and len(lines) == 4
        assert all(TOPICS[request.form].read(line) for line in lines)
    begun = {request.begun for request in every}
    assert "The capital of" in begun
    assert any("Ecuador" in b for b in begun), "a name that the teacher wrote is asked for"
    assert "The city of Quito is in" not in begun, "it is known"
    assert not any(b.startswith("The capital of France") for b in begun), "it was shown"


def test_what_is_to_be_read_was_written_before() -> None:
    made = notebook()
    number = ROUND.index(READING)
    assert requests(made, number, 0) == []
    text = (
        "Once there was a small shop that sold nothing but clocks, and it was in a quiet street. "
        * 2
    )
    made.texts[PROSE][text] = None
    (request,) = requests(made, number, 0)
    assert request.passage in text and request.prompt.endswith(f"{request.passage}\nQuestion:")
