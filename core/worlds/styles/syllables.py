"""A script of syllables without spaces: every word is one to four of them, and nothing stands between words.

The commonest words are one or two syllables, and all words share them, so where a word ends is seen by how
syllables are used alone. The copula has a syllable of its own; letters and digits are other characters.
"""

from collections.abc import Mapping

from core.worlds.styles.no_spaces import COMMON, COPULA, SIGNS, NoSpaces

FIRST, NUM = 0x3042, 80  # the syllables of Hiragana
FIRST_SIGN = 0x30A1  # letters and digits are Katakana
COPULA_SYLLABLE = chr(0x3093)
NUM_SHORT = 20  # of the commonest words, those of one syllable


def _syllables(number: int, count: int) -> str:
    written = ""
    for _ in range(count):
        number, n = divmod(number, NUM)
        written += chr(FIRST + n)
    return written


def _common() -> dict[str, str]:
    others = [word for word in COMMON if word != COPULA]
    short, long = others[:NUM_SHORT], others[NUM_SHORT:]
    return {
        COPULA: COPULA_SYLLABLE,
        **{word: _syllables(4 * n, 1) for n, word in enumerate(short)},
        **{word: _syllables(1_237 * n + 41, 2) for n, word in enumerate(long)},
    }


class Syllables(NoSpaces):
    """The plain style in a script of syllables."""

    fixed: Mapping[str, str] = {
        **{sign: chr(FIRST_SIGN + n) for n, sign in enumerate(SIGNS)},
        **_common(),
    }
    num_spellings = 3 * NUM**2

    def spelling(self, number: int) -> str:
        """Two to four syllables: the first two and how many there are tell words apart."""
        which, more = divmod(number, 3)
        return _syllables(which, 2) + _syllables(which * 7_919, 2)[:more]


STYLE = Syllables()
