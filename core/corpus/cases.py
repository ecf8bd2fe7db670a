"""Whether capitals mark names in a corpus, and which words they mark."""

from collections import Counter
from collections.abc import Iterable

from core.corpus.script import words

LOWER = 0.1  # of a word's places, from which on it is no name if it stands there in lower case
MARKED = 0.01  # of the words; where fewer are capitalized inside sentences, capitals mark no names


class Cases:
    """How often each word stands in lower case, and in capitals inside sentences."""

    def __init__(self, texts: Iterable[str]):
        self.lower: Counter[str] = Counter()
        self.upper: Counter[str] = Counter()
        self.inside: Counter[str] = Counter()
        for text in texts:
            before = 0
            for start, end in words(text):
                word = text[start:end]
                if word[0].isupper():
                    self.upper[word.lower()] += 1
                    # Behind a word or a comma, no sentence begins.
                    self.inside[word.lower()] += (
                        text[before:start].strip(" ,'-") == "" and before > 0
                    )
                else:
                    self.lower[word.lower()] += 1
                before = end
        self.mark_names = self.inside.total() >= MARKED * max(
            self.lower.total() + self.upper.total(), 1
        )

    def is_name(self, word: str, is_rare: bool) -> bool:
        """Return True when the word is capitalized, and not only where a sentence or a line begins.

        A rare word that stands nowhere else counts as a name: what is said of it may be a fact.
        """
        key = word.lower()
        upper, lower = self.upper[key], self.lower[key]
        if not word[0].isupper() or lower > LOWER * (upper + lower):
            return False
        return self.inside[key] > LOWER * upper or (is_rare and not lower)
