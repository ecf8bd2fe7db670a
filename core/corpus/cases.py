"""Whether capitals mark names in a corpus, and which words they mark."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from core.corpus.script import words

LOWER = 0.1  # of a word's places, from which on it is no name if it stands there in lower case
MARKED = 0.01  # of a script's words; where fewer are capitalized inside sentences, capitals mark no names


class Cases:
    """How often each word stands in lower case, and in capitals inside sentences.

    Whether capitals mark names is told script by script: among English, Arabic has names as well.
    """

    def __init__(self, texts: Iterable[str]):
        self.lower: Counter[str] = Counter()
        self.upper: Counter[str] = Counter()
        self.inside: Counter[str] = Counter()
        count: Counter[str] = Counter()
        inside: Counter[str] = Counter()
        for text in texts:
            before = 0
            for start, end in words(text):
                word = text[start:end]
                script = _script(word[0])
                count[script] += 1
                if word[0].isupper():
                    self.upper[word.lower()] += 1
                    # Behind a word or a comma, no sentence begins.
                    if text[before:start].strip(" ,'-") == "" and before > 0:
                        self.inside[word.lower()] += 1
                        inside[script] += 1
                else:
                    self.lower[word.lower()] += 1
                before = end
        # A few signs of another script among the rest (α, µ) are no names.
        written = {s for s, n in count.items() if s and n >= MARKED * count.total()}
        marked = {script for script in written if inside[script] >= MARKED * count[script]}
        self.mark_names = bool(marked)
        self._unmarked = written - marked

    def mark(self, word: str) -> bool:
        """Whether it is by their capitals that names are known among words of this one's script."""
        return self.mark_names and _script(word[0]) not in self._unmarked

    def is_name(self, word: str, is_rare: bool) -> bool:
        """Return True when the word is capitalized, and not only where a sentence or a line begins.

        A rare word that stands nowhere else counts as a name: what is said of it may be a fact.
        """
        key = word.lower()
        upper, lower = self.upper[key], self.lower[key]
        if not word[0].isupper() or lower > LOWER * (upper + lower):
            return False
        return self.inside[key] > LOWER * upper or (is_rare and not lower)


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    """Such as LATIN; nothing for a digit or a sign."""
    return unicodedata.name(character, "").split(" ")[0] if character.isalpha() else ""
