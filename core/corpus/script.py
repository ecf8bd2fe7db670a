"""How a script separates words: by spaces, as most do, or not at all.

Han, Kana and their signs (`EAST`), and Thai, Lao, Khmer, Myanmar, Tibetan and their neighbours (`SOUTH`),
are written without spaces between words; there, a character with its marks counts as a word. Hangul,
Arabic, Hebrew, Devanagari and all other scripts have spaces.
"""

import re
import string
import unicodedata
from collections.abc import Iterable, Iterator

import regex

# First and last characters of the blocks, as a class of characters for any library of regular expressions.
EAST = "".join(
    f"{chr(first)}-{chr(last)}"
    for first, last in (
        (0x2E80, 0x2FFF),  # radicals
        (0x3001, 0x312F),  # signs, Kana, Bopomofo; U+3000 is a space
        (0x3190, 0x31FF),
        (0x3220, 0x325F),  # enclosed; what is left out is Hangul
        (0x3280, 0x4DBF),
        (0x4E00, 0xA4CF),  # Han, Yi
        (0xF900, 0xFAFF),
        (0xFE30, 0xFE4F),
        (0xFF01, 0xFF9F),  # wide and narrow forms
        (0xFFE0, 0xFFE6),
        (0x1B000, 0x1B16F),
        (0x20000, 0x3FFFD),
    )
)
SOUTH = "".join(
    f"{chr(first)}-{chr(last)}"
    for first, last in (
        (0x0E01, 0x0FFF),  # Thai, Lao, Tibetan
        (0x1000, 0x109F),  # Myanmar
        (0x1780, 0x17FF),  # Khmer
        (0x1950, 0x19FF),  # Tai Le, New Tai Lue
        (0x1A20, 0x1AAF),  # Tai Tham
        (0x1B00, 0x1B7F),  # Balinese
        (0xA980, 0xA9FF),  # Javanese
        (0xAA60, 0xAADF),  # Tai Viet
    )
)
CHARACTER = rf"[{EAST}{SOUTH}]\p{{M}}*"  # of a script without spaces, with its marks
LETTER = r"[\p{L}\p{N}_]"

_EAST = regex.compile(f"[{EAST}]")
_EITHER = regex.compile(f"[{EAST}{SOUTH}]")
_SOUTH = regex.compile(f"[{SOUTH}]")
_HANGUL = regex.compile(r"\p{Hangul}")
_CHARACTER = regex.compile(CHARACTER)
# Joiners (zero width) stand inside of words, in Persian and in Devanagari.
_WORD = regex.compile(
    rf"(?={LETTER}){CHARACTER}"
    rf"|[{LETTER}--[{EAST}{SOUTH}]](?:[[{LETTER}\p{{M}}\u200c\u200d]--[{EAST}{SOUTH}]])*",
    regex.V1,
)
_ASCII_WORD = re.compile(r"\w+", re.ASCII)
_BORDER = regex.compile(
    rf"(?= )|(?<=[{EAST}{SOUTH}]\p{{M}}{{0,4}})(?!\p{{M}})(?=\S)"
    rf"|(?<=\S)(?=[{EAST}{SOUTH}])(?!\p{{M}})"
)

# Signs behind which a space follows though the script has none between words, and wide ones that never
# have one before them.
_SPACED_SIGNS = frozenset(string.punctuation) - frozenset("([{") | frozenset("།༎།។៕")
_WIDE_SIGN = regex.compile(rf"(?=[{EAST}])\p{{P}}")
_RUN = 32  # characters that are looked back at
# Signs that belong to what follows: opening brackets and quotes, a currency before its sum, an elision
# (`l'`, `dell'`, not `dogs'`), the hyphen of a compound.
_OPENING = regex.compile(
    r"[\p{Ps}\p{Pi}]$|(?<!\S)[\"']$|(?<!\p{N}\s)(?<![^\s\p{Lu}(\[])\p{Sc}$|(?<=[\p{L}\p{N}])-$"
    r"|(?<![\p{L}\p{N}])(?:\p{L}{1,2}|\p{L}{1,6}(?:ll|qu))['’]$"
)

_CLOSING = r"[」』）】〉》”’\"')\]]"
_STOP = r"[。！？｡။។៕]"  # no space needs to follow
_SPACED_STOP = r"[.!?؟۔।॥։።፧།༎]"
_SENTENCE_END = (
    rf"(?<={_SPACED_STOP})\s+|(?<={_STOP}{_CLOSING}{{0,3}})(?!{_STOP}|{_CLOSING})\s*"
    r"|(?<=．)(?!\p{N})\s*"  # the wide decimal point as well
)
_STATED = frozenset(".!．。！｡။។៕۔।॥։።༎")  # stops that don't ask
_ENDS = {
    False: regex.compile(_SENTENCE_END, regex.V1),
    True: regex.compile(rf"(?<=…)\s+|{_SENTENCE_END}|\s*\n\s*", regex.V1),
}


def composed(text: str) -> str:
    """The text in normal form C, in which a letter and its accent are one character where there is one."""
    return unicodedata.normalize("NFC", text)


def joint(before: str, after: str) -> str:
    """What stands between two texts of which one follows the other: one space, or nothing.

    Nothing, where either has white space there or is empty. Nothing, behind a sign that belongs to what
    follows (`(`, an opening `"`, `$`, `l'`). Nothing, where the first ends in an unspaced run
    with Han or Kana in it, whatever follows (`人口は` 5, `2020年に` Sony). Nothing, where both ends are of
    scripts without spaces, or the second begins with a wide sign (`。`). Else a space: behind Latin or a
    digit by itself (`The capital is` 東京), behind signs of ASCII, which are set apart in any script
    (`=>`, `答:`), and between Thai and Latin or digits.
    """
    last, first = before[-1:], after[:1]
    if not last or not first or last.isspace() or first.isspace():
        return ""
    if _opens(before):
        return ""
    if last in _SPACED_SIGNS:
        return " "
    if _WIDE_SIGN.match(first):
        return ""
    run = before[-_RUN:].split()[-1]
    if _EAST.search(run) and not _HANGUL.search(run) and not _HANGUL.match(first):
        return ""
    return "" if _SOUTH.match(last) and _EITHER.match(first) else " "


def _opens(before: str) -> bool:
    line = before[before.rfind("\n") + 1 :]
    straight = line.endswith('"') and line.count('"') % 2 == 1
    return straight or _OPENING.search(line[-_RUN:]) is not None


def joined(texts: Iterable[str]) -> str:
    """Texts in a row, as `joint` joins them."""
    parts: list[str] = []
    for text in texts:
        parts += [joint(parts[-1], text), text] if parts else [text]
    return "".join(parts)


def words(text: str) -> Iterator[tuple[int, int]]:
    """Where each word stands (start, end): a run of letters, digits and `_` with their marks, or a single
    character, with its marks, of a script without spaces.
    """
    pattern = _ASCII_WORD if text.isascii() else _WORD  # the same there, several times as fast
    return (match.span() for match in pattern.finditer(text))


def words_of(text: str) -> list[str]:
    """The words of a text."""
    return [text[start:end] for start, end in words(text)]


def count_words(text: str) -> int:
    """How many words a text has between its spaces, signs not counted apart from them."""
    return sum(max(1, len(_CHARACTER.findall(part))) for part in text.split())


def is_unspaced(word: str) -> bool:
    """Whether a word is a character of a script without spaces."""
    return _EITHER.match(word) is not None


def has_unspaced(text: str) -> bool:
    """Whether a text has a character of a script without spaces."""
    return _EITHER.search(text) is not None


def beginnings(word: str) -> list[str]:
    """A word, and of one in Hangul, behind whose stem particles stand, all that it begins with."""
    if not _HANGUL.match(word[-1]):
        return [word]
    return [word[:length] for length in range(1, len(word) + 1)]


def borders(text: str) -> list[int]:
    """Where a text can be cut between two words: before each space, and around unspaced characters."""
    return [match.start() for match in _BORDER.finditer(text)]


def set_apart(text: str) -> str:
    """The text with a space around each character of a script without spaces, for a search by words."""
    return str(_CHARACTER.sub(r" \g<0> ", text))


def spans_of(part: str, text: str, *, any_case: bool = False) -> list[tuple[int, int]]:
    """Where a part stands in a text as whole words (start, end), with whatever white space between them.

    Where a script has no spaces any character may stand beside it, and behind Hangul a particle may. The text
    is taken as it is: compose it first where it may be in another normal form.
    """
    parts = composed(part).split()
    if not parts:
        return []
    first, last = parts[0][0], parts[-1][-1]
    other = rf"[{LETTER}--[{EAST}{SOUTH}]]"
    before = "" if _EITHER.match(first) else rf"(?<!{other})"
    is_free = _EITHER.match(last) or _HANGUL.match(last)
    behind = r"(?!\p{M})" if is_free else rf"(?!\p{{M}}|{other})"
    escaped = (regex.escape(word, special_only=True) for word in parts)
    pattern = before + r"\s+".join(escaped) + behind
    flags = regex.V1 | (regex.IGNORECASE if any_case else 0)
    return [match.span() for match in regex.finditer(pattern, text, flags=flags)]


def holds(text: str, part: str, *, any_case: bool = False) -> bool:
    """Whether a part stands in a text as whole words, in either normal form."""
    return bool(spans_of(part, composed(text), any_case=any_case))


def states(text: str) -> bool:
    """Whether a text ends with a stop of its script, and isn't a question."""
    return text[-1:] in _STATED


def ends_inside_a_word(text: str) -> bool:
    """Whether a text ends with a letter, a digit or a mark of one: it may have been cut off there."""
    return bool(text) and unicodedata.category(text[-1])[0] in "LNM"


def sentences_of(text: str, *, lines: bool = True) -> list[str]:
    """The sentences of a text, in order; joined again they are the text, up to white space.

    A stop ends one where white space follows, and in scripts without spaces wherever it stands, with the
    quotation marks behind it. With `lines`, so do an ellipsis before white space and the end of a line. Thai
    and Lao have no stops: there, only lines end.
    """
    return [part for part in _ENDS[lines].split(text) if part.strip()]
