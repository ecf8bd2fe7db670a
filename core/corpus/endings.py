"""The endings that names take: forms of one name, such as Finnish `Helsinki`, `Helsingin` or Korean `서울은`.

Two words that begin alike are forms of one name where both stand among the same other names, and other stems'
forms don't. One pair of words may do so by chance, so a pair of endings has to tell as much of several stems.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import combinations
from statistics import median

SHORTEST = 3  # characters of a stem, of Hangul one
LONGEST = 5  # of an ending
MORE = 0.3  # than between forms of two names, which all may stand among the same
LINK = 2  # that may stand between a name and its endings, all alike
LARGEST = 20_000  # names whose forms are looked for, the most frequent
NEAR = 8  # names to the left and right of a name, among which it stands
FEWEST = 3  # texts that have a form
STEMS = 5  # that have both endings of a pair, or it is chance
ALIKE = 0.6  # cosine between what two forms stand among, from which on they are one name

Beside = Mapping[str, Mapping[str, int]]
Pair = tuple[str, str]  # of endings, in order


def find_stems(texts: Iterable[str], names_in: Callable[[str], list[str]]) -> dict[str, int]:
    """The words that are forms of a name with an ending, each with the length of its stem.

    `names_in` lists the names of a text, word by word. No word of a language without such endings is found.
    """
    beside, num_texts = _beside(texts, names_in)
    forms: dict[str, list[str]] = defaultdict(list)  # by stem, the endings it is met with
    often = [word for word in num_texts if num_texts[word] >= FEWEST and word.isalpha()]
    for word in sorted(sorted(often), key=num_texts.__getitem__, reverse=True)[:LARGEST]:
        for stem in _stems(word):
            forms[stem].append(word[len(stem) :])
    stems: dict[Pair, list[str]] = defaultdict(list)
    for stem, endings in forms.items():
        for one, other in combinations(sorted(endings), 2):
            if one[:1] != other[:1]:  # else the stem is longer
                stems[one, other].append(stem)
    by_stem: dict[str, set[str]] = defaultdict(set)
    for (one, other), having in stems.items():
        if len(having) < STEMS:
            continue
        alike = {stem: _cosine(beside[stem + one], beside[stem + other]) for stem in having}
        another = [
            _cosine(beside[stem + one], beside[next_stem + other])
            for stem, next_stem in zip(having, having[1:] + having[:1], strict=True)
        ]
        if median(alike.values()) >= max(ALIKE, median(another) + MORE):
            for stem in having:
                if alike[stem] >= ALIKE:
                    by_stem[stem] |= {one, other}
    return _with_bare(_longest(by_stem), num_texts)


def _with_bare(found: dict[str, int], known: Collection[str]) -> dict[str, int]:
    """The same stems, cut to the name without an ending where most of them are one with the same part left
    out: `Ada` of `Adaille` and `Adainen`, not `Adai`.
    """
    stems = {word[:size] for word, size in found.items()}
    left_out = Counter(
        stem[size:]
        for stem in stems
        for size in range(max(SHORTEST, len(stem) - LINK), len(stem) + 1)
        if stem[:size] in known
    )
    link, times = max(left_out.items(), key=lambda one: (one[1], one[0]), default=("", 0))
    if times < max(STEMS, len(stems) / 2):
        return found
    return {
        word: size - len(link)
        if word[:size].endswith(link) and word[: size - len(link)] in known
        else size
        for word, size in found.items()
    }


def _longest(by_stem: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Of each form its stem's length: the stem with the most endings, of these the longest."""
    found: dict[str, int] = {}
    for stem in sorted(by_stem, key=lambda stem: (-len(by_stem[stem]), -len(stem), stem)):
        words = [stem + ending for ending in by_stem[stem]]
        if not any(word in found for word in words):
            found |= dict.fromkeys(words, len(stem))
    return found


def _stems(word: str) -> Iterator[str]:
    """What a word may be a form of: all that it begins with, long enough to tell names apart."""
    shortest = 1 if "가" <= word[0] <= "힣" else SHORTEST
    for size in range(max(shortest, len(word) - LONGEST), len(word) + 1):
        yield word[:size]


def _beside(
    texts: Iterable[str], names_in: Callable[[str], list[str]]
) -> tuple[Beside, Counter[str]]:
    """What names each name stands among and how often, and in how many texts it is."""
    beside: dict[str, Counter[str]] = defaultdict(Counter)
    num_texts: Counter[str] = Counter()
    for text in texts:
        names = names_in(text)
        num_texts.update(set(names))
        for at, name in enumerate(names):
            near = names[max(0, at - NEAR) : at + NEAR + 1]
            beside[name].update(other for other in near if other != name)
    return beside, num_texts


def _cosine(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    both = sum(times * other[word] for word, times in one.items() if word in other)
    sizes = math.hypot(*one.values()) * math.hypot(*other.values())
    return both / sizes if sizes else 0.0
