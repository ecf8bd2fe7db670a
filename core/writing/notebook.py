"""What the teacher has written so far: facts of the topics, and free texts, each once."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from core.corpus.script import (
    composed,
    count_words,
    ends_inside_a_word,
    holds,
    sentences_of,
    states,
    words_of,
)
from core.writing import shown
from core.writing.names import NAMED
from core.writing.topics import Topic
from core.writing.words import COMMON

TOPICS = {topic.name: topic for topic in (*NAMED, *COMMON)}
STATEMENTS, QUESTIONS, PROSE, READING = "statements", "questions", "prose", "reading"
ASKED = "Question: {}\nAnswer: {}"
_ASKED = re.compile(r"Question: ?([^\n]{8,200}\?)\nAnswer: ?([^\n]{1,120})(?:\n|$)")
_SUBJECT = re.compile(r"(.{2,40}?) (?:is|was|are|were) ")
FEWEST_WORDS, MOST_WORDS = 4, 40  # of a free statement
SHORTEST_PROSE = 20  # words
LEAST_VARIED = (
    0.5  # of a text's runs of three words, the share that is different; less goes round in circles
)
TIMES_TOLD = 4  # about as often is each fact in the rows


@dataclass(frozen=True)
class Request:
    """A prompt that the teacher continues; `begun` is its end that belongs to what is written.

    `form` is a topic's name, or one of the free forms. Of `reading`, `passage` is what is asked about.
    """

    form: str
    prompt: str
    begun: str = ""
    passage: str = ""


@dataclass
class Notebook:
    """Everything that was taken so far; `count` gives the number of tokens of a text.

    `facts`: by topic and subject in lower case, subject and value. `texts`: by free form, each once.
    `names`: by kind, what has been met as a subject or value of that kind. `num_tokens`: of the rows that
    will be made of it, about.
    """

    count: Callable[[str], int]
    facts: dict[str, dict[str, tuple[str, str]]] = field(
        default_factory=lambda: {name: {} for name in TOPICS}
    )
    texts: dict[str, dict[str, None]] = field(
        default_factory=lambda: {f: {} for f in (STATEMENTS, QUESTIONS, PROSE, READING)}
    )
    names: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    subjects: dict[str, None] = field(default_factory=dict)  # of whatever kind
    num_tokens: int = 0

    def __post_init__(self) -> None:
        for topic in TOPICS.values():
            for pair in topic.shown:
                self._meet(topic, *pair)

    def take(self, request: Request, text: str, *, ended: bool) -> None:
        """Take what can be used of a continuation; `ended` says that it wasn't cut off."""
        text = composed(request.begun + text)
        if request.form in TOPICS:
            self._take_facts(TOPICS[request.form], _lines(text, ended))
        elif request.form == STATEMENTS:
            self._take_statements(_lines(text, ended))
        elif request.form == QUESTIONS:
            self._take_questions("Question:" + text)
        elif request.form == READING:
            self._take_reading(request.passage, "Question:" + text)
        else:
            self._take_prose(text)

    def _take_facts(self, topic: Topic, lines: Iterable[str]) -> None:
        given = {subject.lower() for subject, _ in topic.shown}
        for line in lines:
            found = topic.read(line)
            if found is None or found[0].lower() in given | self.facts[topic.name].keys():
                continue
            self.facts[topic.name][found[0].lower()] = found
            self._meet(topic, *found)
            self.num_tokens += TIMES_TOLD * self.count(topic.state(*found))

    def _meet(self, topic: Topic, subject: str, value: str) -> None:
        self.names[topic.subject].setdefault(subject)
        self.names[topic.value].setdefault(value)
        if topic in NAMED:
            self.subjects.setdefault(subject)

    def _take_statements(self, lines: Iterable[str]) -> None:
        for line in lines:
            is_sentence = states(line) and line not in shown.STATEMENTS
            if is_sentence and FEWEST_WORDS <= count_words(line) <= MOST_WORDS:
                self._keep(STATEMENTS, line)
                if found := _SUBJECT.match(line):
                    self.subjects.setdefault(found[1])

    def _take_questions(self, text: str) -> None:
        for question, answer in _ASKED.findall(text):
            if (question.strip(), answer.strip()) not in shown.QUESTIONS:
                self._keep(QUESTIONS, ASKED.format(question.strip(), answer.strip()))

    def _take_reading(self, passage: str, text: str) -> None:
        found = _ASKED.match(text)
        # What the passage doesn't say isn't read from it.
        if found and holds(passage.lower(), found[2].strip().rstrip(".").lower()):
            asked = ASKED.format(found[1].strip(), found[2].strip())
            self._keep(READING, f"Passage: {passage}\n{asked}")

    def _take_prose(self, text: str) -> None:
        *whole, last = sentences_of(text) or [""]
        if ends_inside_a_word(last.rstrip()) and whole:  # cut off
            text = text[: text.rindex(last)]
        if count_words(text) >= SHORTEST_PROSE and _variety(text) >= LEAST_VARIED:
            self._keep(PROSE, text.strip())

    def _keep(self, form: str, text: str) -> None:
        if text not in self.texts[form]:
            self.texts[form][text] = None
            self.num_tokens += self.count(text)


def _lines(text: str, ended: bool) -> list[str]:
    """The whole lines of a text."""
    lines = [line.strip() for line in text.split("\n")]
    return lines if ended else lines[:-1]


def _variety(text: str) -> float:
    words = words_of(text.lower())
    runs = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(runs)) / len(runs) if runs else 0.0
