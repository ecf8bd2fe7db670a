"""Which documents tell the answer to a question, by their words alone: no labels are read."""

from array import array
from collections.abc import Iterable, Sequence
from math import log

import numpy as np

from core.corpus.rows import Rows
from core.corpus.script import beginnings, spans_of, words_of

MOST_DOCUMENTS = 5  # an answer
ALIKE = 0.75  # of the weight that the best document shares with the prompt; with less it tells another fact

Span = tuple[int, int]  # the characters [start, end) of a text


def _words(text: str) -> set[str]:
    return set(words_of(text.lower()))


class Telling:
    """An inverted index of the documents among `numbers`, of the words in the `questions` (prompt, answer).

    Tasks are left out: what follows from its prompt tells no fact.
    """

    def __init__(self, rows: Rows, numbers: Iterable[int], questions: Iterable[tuple[str, str]]):
        self.rows, self.num_documents = rows, 0
        wanted = {word for question in questions for text in question for word in _words(text)}
        found = {word: array("i") for word in wanted}
        among = set(numbers)
        for number, row in enumerate(rows):
            if number in among and "text" in row:
                self.num_documents += 1
                said = {part for word in _words(row["text"]) for part in beginnings(word)}
                for word in wanted & said:
                    found[word].append(number)
        self.having = {word: np.array(numbers, dtype=np.int32) for word, numbers in found.items()}

    def documents(self, prompt: str, answer: str) -> dict[int, list[Span]]:
        """Find the documents that tell the answer of a question.

        They have the answer, and of the prompt's words the rarest: a word weighs the more, the fewer
        documents have it. A document that shares much less of that weight than the best one tells another
        fact.

        Args:
            prompt: of one of the questions given to the index.
            answer: of that question.

        Returns:
            By number at most `MOST_DOCUMENTS` documents, with where the answer stands in each.

        Raises:
            KeyError: the question wasn't among those given.
        """
        having_D = self._with_all(sorted(_words(answer)))
        weight_D = np.zeros(len(having_D))
        for word in sorted(_words(prompt)):
            number = len(self.having[word])
            if number:
                weight = log(self.num_documents / number)
                weight_D += weight * _among(having_D, self.having[word])
        told: dict[int, list[Span]] = {}
        least = 0.0
        for place in np.argsort(-weight_D, kind="stable").tolist():
            if len(told) == MOST_DOCUMENTS or weight_D[place] <= 0 or weight_D[place] < least:
                break
            number = int(having_D[place])
            spans = spans_of(answer, self.rows[number]["text"], any_case=True)
            if spans:
                least = least or ALIKE * weight_D[place]
                told[number] = spans
        return told

    def _with_all(self, words: Sequence[str]) -> np.ndarray:
        """The numbers of the documents that have all these words, in order; none without a word."""
        lists = sorted((self.having[word] for word in words), key=len)
        if not lists:
            return np.zeros(0, dtype=np.int32)
        having_D = lists[0]
        for other in lists[1:]:
            having_D = having_D[_among(having_D, other)]
        return having_D


def _among(numbers: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of the numbers are among others, both in order."""
    if not len(others):
        return np.zeros(len(numbers), dtype=bool)
    places = np.minimum(np.searchsorted(others, numbers), len(others) - 1)
    return np.asarray(others[places] == numbers)
