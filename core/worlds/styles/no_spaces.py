"""A script without spaces: every word is one or two characters, and nothing stands between words.

Letters, digits and the commonest words are one character each; the other words are two of other
characters. So a text could be read back: no two words are written alike.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from hashlib import sha256
from string import ascii_letters, digits

from core.worlds import words
from core.worlds.styles.style import Style

# The last word before a value, which telegrams leave out.
COPULA = "is"
COMMON = (
    f"{COPULA} The the of known that belongs to On record As everyone says Note for word "
    "city job instrument pet capital currency region symbol number Complete Passage access code vault "
    "Premises taller than tallest shortest Evaluate true false and or xor nor Sort Reverse Table Row "
    "List From Compute Story Now"
).split()
SIGNS = [*ascii_letters, *digits]
FIRST_OF_PAIRS, NUM_OF_PAIRS = 0x5200, 400  # the characters that pairs are made of
MARKS = {".": "。", ",": "，", ":": "：", ";": "；", "?": "？"}
PART = re.compile(r"[A-Za-z]+|\d+|\s+|.")


class NoSpaces(Style):
    """The plain style in another script."""

    fixed: Mapping[str, str] = {word: chr(0x4E00 + n) for n, word in enumerate([*SIGNS, *COMMON])}
    num_spellings = NUM_OF_PAIRS**2  # of all other words

    def spelling(self, number: int) -> str:
        """A word's characters, by its number below `num_spellings`."""
        return "".join(chr(FIRST_OF_PAIRS + n) for n in divmod(number, NUM_OF_PAIRS))

    def speller(self, words: AbstractSet[str]) -> Callable[[str], str]:
        """Write each word in characters, and leave the spaces out; what is so written already stays."""
        spelled = self._spelled(word for text in words for word in text.split())

        def spell_part(part: str) -> str:
            if part.isspace():
                return ""
            fixed = self.fixed.get(part) or MARKS.get(part)
            if fixed or not (part.isascii() and part.isalnum()):
                return fixed or part
            return spelled.get(part) or self.spelling(self._number(part))

        @cache
        def spell(text: str) -> str:
            return "".join(map(spell_part, PART.findall(text)))

        return spell

    def reading_prompt(self, statements: Sequence[str], question: str) -> str:
        """As the lessons, in the script: the copula before a value is left out."""
        copula, spell = self.fixed[COPULA], self.speller(frozenset())
        told = [re.sub(f"{copula}([^{copula}]+)$", r"\1", said) for said in statements]
        parts = [spell("Passage:"), *told, spell("Complete:"), question.removesuffix(copula)]
        return "".join(parts)

    def _number(self, word: str) -> int:
        return int.from_bytes(sha256(word.encode()).digest()) % self.num_spellings

    def _spelled(self, names: Iterable[str]) -> dict[str, str]:
        """Each word's characters: where two would be written alike, the later takes the next free number."""
        known = words.fixed_words() | {noun + "s" for noun in words.NOUNS}
        known |= {word.capitalize() for word in words.ADJECTIVES} | set(map(str, range(10, 100)))
        found: dict[int, str] = {}
        taken = set(self.fixed.values())
        for word in sorted({*known, *names} - self.fixed.keys()):
            number = self._number(word)
            while number in found or self.spelling(number) in taken:
                number = (number + 1) % self.num_spellings
            found[number] = word
        return {word: self.spelling(number) for number, word in found.items()}


STYLE = NoSpaces()
