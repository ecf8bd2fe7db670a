"""What the teacher is asked for next: a few shown examples, then the beginning of another one."""

from dataclasses import dataclass
from random import Random

from core.corpus.script import count_words, sentences_of
from core.writing import shown
from core.writing.names import NAMED
from core.writing.notebook import (
    ASKED,
    PROSE,
    QUESTIONS,
    READING,
    STATEMENTS,
    Notebook,
    Request,
)
from core.writing.topics import NAMES, WORDS, Topic
from core.writing.words import COMMON

BEGUN = 0.6  # of the requests that name their subject, one that the teacher has written before
NUM_SHOWN = 4
LONGEST_PASSAGE = 60  # words


@dataclass(frozen=True)
class Way:
    """How many requests of a kind make a batch, how often and how far each is continued, in tokens."""

    num_requests: int
    num_samples: int
    num_tokens: int
    temperature: float


# What is known comes out at a low temperature; at 1, small models' prose loses its thread.
WAYS = {
    NAMES: Way(12, 4, 48, 0.7),
    WORDS: Way(12, 4, 48, 0.7),
    STATEMENTS: Way(12, 4, 56, 0.8),
    QUESTIONS: Way(8, 4, 64, 0.8),
    PROSE: Way(32, 1, 144, 0.8),
    READING: Way(16, 2, 40, 0.5),
}
# One batch after another, over and over. What is to be kept looks like what is to be lost, and goes with it
# unless there is as much of it, and as varied.
ROUND = (
    NAMES,
    WORDS,
    PROSE,
    NAMES,
    WORDS,
    STATEMENTS,
    READING,
    WORDS,
    NAMES,
    QUESTIONS,
    WORDS,
    READING,
    PROSE,
)


def kind_of(number: int) -> str:
    """What the batch of that number asks for."""
    return ROUND[number % len(ROUND)]


def requests(notebook: Notebook, number: int, seed: int) -> list[Request]:
    """The requests of a batch, by what is written so far; the same for the same seed."""
    rng, kind = Random(f"{seed}/requests/{number}"), kind_of(number)
    count = WAYS[kind].num_requests
    if kind == READING:
        return [_read(passage, rng) for passage in _passages(notebook, rng, count)]
    if kind in (NAMES, WORDS):
        return [_tell(topic, notebook, rng) for topic in _topics(kind, number, seed, count)]
    ask = {STATEMENTS: _state, QUESTIONS: _ask, PROSE: _begin}[kind]
    return [ask(notebook, rng) for _ in range(count)]


def _topics(kind: str, number: int, seed: int, count: int) -> list[Topic]:
    """The next topics of the kind, all of them in turns."""
    topics = NAMED if kind == NAMES else COMMON
    order = Random(f"{seed}/topics").sample(topics, len(topics))
    rounds, place = divmod(number, len(ROUND))
    at = count * (rounds * ROUND.count(kind) + ROUND[:place].count(kind))
    return [order[(at + i) % len(order)] for i in range(count)]


def _tell(topic: Topic, notebook: Notebook, rng: Random) -> Request:
    """Statements of a topic, of a subject that was named, or of any."""
    pairs = rng.sample(topic.shown, min(NUM_SHOWN, len(topic.shown)))
    known = notebook.facts[topic.name].keys() | {subject.lower() for subject, _ in topic.shown}
    new = [name for name in notebook.names[topic.subject] if name.lower() not in known]
    begun = topic.begin(rng.choice(new) if new and rng.random() < BEGUN else None)
    lines = [topic.state(*pair) for pair in pairs]
    return Request(topic.name, "\n".join([*lines, begun]), begun)


def _state(notebook: Notebook, rng: Random) -> Request:
    begun = rng.choice(list(notebook.subjects))
    lines = rng.sample(shown.STATEMENTS, NUM_SHOWN)
    return Request(STATEMENTS, "\n".join([*lines, begun]), begun)


def _ask(notebook: Notebook, rng: Random) -> Request:
    lines = [ASKED.format(*pair) for pair in rng.sample(shown.QUESTIONS, NUM_SHOWN)]
    return Request(QUESTIONS, "\n".join([*lines, "Question:"]))


def _begin(notebook: Notebook, rng: Random) -> Request:
    """Prose about a thing, or about a name that was written."""
    about = rng.choice((rng.choice(shown.SUBJECTS), rng.choice(list(notebook.subjects))))
    prompt = rng.choice(shown.OPENINGS).format(about)
    return Request(PROSE, prompt[:1].upper() + prompt[1:], begun=prompt.rpartition("\n")[2])


def _passages(notebook: Notebook, rng: Random, count: int) -> list[str]:
    """Beginnings of what was written in prose, and statements in a row."""
    found = []
    prose = list(notebook.texts[PROSE])
    for text in rng.sample(prose, min(count * 2 // 3, len(prose))):
        passage = ""
        for sentence in sentences_of(text):
            if count_words(f"{passage} {sentence}") > LONGEST_PASSAGE:
                break
            passage = f"{passage} {sentence.strip()}".strip()
        found.append(passage)
    lines = list(notebook.texts[STATEMENTS])
    while len(found) < count and len(lines) >= 3:
        found.append(" ".join(rng.sample(lines, 3)))
    return list(dict.fromkeys(passage for passage in found if passage))


def _read(passage: str, rng: Random) -> Request:
    examples = [
        f"Passage: {text}\n{ASKED.format(question, answer)}\n"
        for text, question, answer in rng.sample(shown.READ, 2)
    ]
    prompt = "\n".join([*examples, f"Passage: {passage}\nQuestion:"])
    return Request(READING, prompt, passage=passage)
