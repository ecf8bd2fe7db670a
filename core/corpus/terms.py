"""What a text is about, by the text alone: the names in it, and its rare words.

A name is a run of capitalised words; a word that the corpus writes small more often than not is none, so
that the words that begin sentences drop out. Any other word is rare when few rows have it.
"""

import re
from collections import Counter
from collections.abc import Mapping

WORD = re.compile(r"\w+")
RARE = 0.01  # a word in at most this share of the rows is rare,
FEW = 8  # or in so many of them


class Terms:
    """The names and rare words of texts, by a corpus: `texts`, with how many rows read so."""

    def __init__(self, texts: Mapping[str, int]):
        written: Counter[str] = Counter()
        self.num_rows: Counter[str] = Counter()  # that have the word, however written
        for text, recurs in texts.items():
            words = WORD.findall(text)
            for word in words:
                written[word] += recurs
            for word in {word.lower() for word in words}:
                self.num_rows[word] += recurs
        self.most = max(RARE * sum(texts.values()), FEW)
        self.named = {w for w in written if w[0].isupper() and written[w] > written[w.lower()]}

    def names(self, text: str) -> set[str]:
        """The names: `Ada Bell`, and `Rome`."""
        runs: list[str] = []
        end = -1
        for match in WORD.finditer(text):
            if match.group() in self.named:
                if text[end : match.start()] == " ":
                    runs[-1] += f" {match.group()}"
                else:
                    runs.append(match.group())
                end = match.end()
        return set(runs)

    def all(self, text: str) -> set[str]:
        """The names and the rare words."""
        return self.names(text) | self.rare_words(text)

    def rare_words(self, text: str) -> set[str]:
        """The rare words, in lower case; those in names too, whose form may differ."""
        words = {word.lower() for word in WORD.findall(text)}
        return {word for word in words if self.num_rows[word] <= self.most}
