"""Rows of what the teacher wrote: lists, statements, questions, passages to read, prose; and exercises."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle
from random import Random

from core.corpus.deduplicate import near_duplicates
from core.corpus.rows import Row
from core.worlds.exercises import ARITHMETIC, LOGIC
from core.worlds.skills import draw_new
from core.writing.notebook import ASKED, PROSE, READING, TOPICS, Notebook
from core.writing.topics import NAMES, Topic

WRITTEN, COMMON, EXERCISE = "written", "words", "exercise"  # sources; `words`: about common words
LISTED = 4  # statements or questions in a row
ALONE = 0.5  # of the statements, those that stand alone as well


def written_rows(notebook: Notebook, seed: int) -> list[Row]:
    """Every fact in a list, as a question, in a passage that is asked about, and half of them alone.

    Free texts without near-duplicates, statements and questions some in a row. In random order.
    """
    rng = Random(f"{seed}/rows")
    rows: list[Row] = []
    for name, facts in notebook.facts.items():
        topic = TOPICS[name]
        source = WRITTEN if topic.about == NAMES else COMMON
        numbered = enumerate(_of_topic(topic, list(facts.values()), rng))
        rows += [{"id": f"written/{name}-{n}", "text": t, "source": source} for n, t in numbered]
    for form, found in notebook.texts.items():
        group = near_duplicates(sorted(found), rng)
        texts = [text for text in found if group[text] == text]
        if form not in (PROSE, READING):
            texts = ["\n".join(texts[at : at + LISTED]) for at in range(0, len(texts), LISTED)]
        rows += [
            {"id": f"written/{form}-{n}", "text": text, "source": WRITTEN}
            for n, text in enumerate(texts)
        ]
    rng.shuffle(rows)
    return rows


def _of_topic(topic: Topic, facts: list[tuple[str, str]], rng: Random) -> Iterator[str]:
    """The texts of a topic."""
    rng.shuffle(facts)
    yield from (topic.state(*fact) for fact in facts if rng.random() < ALONE)
    for at in range(0, len(facts), LISTED):
        some = facts[at : at + LISTED]
        told = [topic.state(*fact) for fact in some]
        yield rng.choice((" ", "\n")).join(told)
        yield "\n".join(ASKED.format(topic.ask(s), value) for s, value in some)
        subject, value = rng.choice(some)
        rng.shuffle(told)
        yield f"Passage: {' '.join(told)}\n{ASKED.format(topic.ask(subject), value)}"


def exercise_rows(num_tokens: int, count: Callable[[str], int], seed: int) -> Iterator[Row]:
    """Worked exercises of about so many tokens: what is right is worked out, not asked of the teacher."""
    draws = {**ARITHMETIC, **LOGIC}
    rngs = {family: Random(f"{seed}/exercises/{family}") for family in draws}
    seen: set[str] = set()
    left = num_tokens
    for number, family in enumerate(cycle(draws)):
        if left <= 0:
            return
        item = draw_new(partial(draws[family], rngs[family]), seen, family)
        text = f"{item.prompt} {item.completion}{item.rest}"
        left -= count(text)
        yield {"id": f"exercise/{family}-{number}", "text": text, "source": EXERCISE}


def texts_of(rows: Sequence[Row]) -> list[str]:
    """The texts that the teacher wrote, exercises left out."""
    return [row["text"] for row in rows if row["source"] != EXERCISE]
