"""What a text is about, by the text alone: the names in it, and its rare words.

A name is a run of capitalised words; a word that the corpus writes small more often than not is none, so
that the words that begin sentences drop out. Any other word is rare when few rows have it. Where a script
has no spaces, two characters beside each other are taken for a word: one alone is in too many texts.
"""

from collections import Counter
from collections.abc import Mapping

from core.corpus.script import is_unspaced, words

RARE = 0.01  # a word in at most this share of the rows is rare,
FEW = 8  # or in so many of them


class Terms:
    """The names and rare words of texts, by a corpus: `texts`, with how many rows read so."""

    def __init__(self, texts: Mapping[str, int]):
        written: Counter[str] = Counter()
        self.num_rows: Counter[str] = Counter()  # that have the word, however written
        for text, recurs in texts.items():
            found = _words_of(text)
            for word in found:
                written[word] += recurs
            for word in {word.lower() for word in found}:
                self.num_rows[word] += recurs
        self.most = max(RARE * sum(texts.values()), FEW)
        self.named = {w for w in written if w[0].isupper() and written[w] > written[w.lower()]}

    def names(self, text: str) -> set[str]:
        """The names: `Ada Bell`, and `Rome`."""
        runs: list[str] = []
        end = -1
        for start, stop in words(text):
            word = text[start:stop]
            if word in self.named:
                if text[end:start] == " ":
                    runs[-1] += f" {word}"
                else:
                    runs.append(word)
                end = stop
        return set(runs)

    def all(self, text: str) -> set[str]:
        """The names and the rare words."""
        return self.names(text) | self.rare_words(text)

    def rare_words(self, text: str) -> set[str]:
        """The rare words, in lower case; those in names too, whose form may differ."""
        found = {word.lower() for word in _words_of(text)}
        return {word for word in found if self.num_rows[word] <= self.most}


def _words_of(text: str) -> list[str]:
    found: list[str] = []
    before = 0  # where the last character of a script without spaces ends, and where it starts
    since = -1
    for start, end in words(text):
        if not is_unspaced(text[start:end]):
            found.append(text[start:end])
            continue
        if since >= 0 and before == start:
            found.append(text[since:end])
        since, before = start, end
    return found
