"""Each piece of text at most once: what a reference may see that must not learn anything by heart.

Documents are taken apart into sentences; sentences that say the same in other words are one piece, found
from the text alone: two sentences are near-duplicates when the words they share carry most of the
information of the words in either, sum of idf over the intersection / sum over the union ≥ `THRESHOLD`.
Tasks are pieces as a whole, compared exactly (up to case and white space).
"""

import hashlib
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from core.corpus.rows import Row, joined_text
from core.corpus.script import sentences_of as _sentences_of
from core.errors import UserError, nearest

THRESHOLD = 0.5
WORD = re.compile(r"\w+")


def deduplicate(rows: Sequence[Row], seed: int = 0) -> list[Row]:
    """The rows with every piece but one of each group of near-duplicates dropped, order kept.

    Which one stays is drawn at random, so that what remains is spread over the whole corpus. Documents
    lose sentences, and go when nothing is left of them.
    """
    pieces = [sentences_of(row["text"]) if "text" in row else [joined_text(row)] for row in rows]
    sentences = {s for row, parts in zip(rows, pieces, strict=True) if "text" in row for s in parts}
    group = near_duplicates(sorted(sentences), random.Random(f"{seed}/groups"))
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, parts in enumerate(pieces):
        for at, piece in enumerate(parts):
            places[group.get(piece) or " ".join(piece.lower().split())].append((number, at))
    rng = random.Random(f"{seed}/kept")
    kept = {rng.choice(spots) for spots in places.values()}
    result = []
    for number, (row, parts) in enumerate(zip(rows, pieces, strict=True)):
        remaining = [piece for at, piece in enumerate(parts) if (number, at) in kept]
        if "text" in row and remaining:
            result.append({**row, "text": " ".join(remaining)})
        elif remaining:
            result.append(row)
    return result


def once(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with all but the first of the pieces dropped that read the same, up to case and white space.

    For corpora larger than memory: of each piece met so far, 8 bytes of its hash are kept, about 70 bytes in
    all, which is 3 a token. What is said in other words stays.
    """
    met: set[int] = set()
    for row in rows:
        pieces = sentences_of(row["text"]) if "text" in row else [joined_text(row)]
        remaining = []
        for piece in pieces:
            text = " ".join(piece.lower().split()).encode(errors="surrogatepass")
            number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
            if number not in met:
                met.add(number)
                remaining.append(piece)
        if "text" in row and remaining:
            yield {**row, "text": " ".join(remaining)}
        elif remaining:
            yield row


def deduplication_of(name: str) -> Callable[[Iterable[Row]], Iterable[Row]]:
    """`deduplicate` for `near`, which holds the whole corpus in memory, or `once` for `exact`.

    Raises UserError for another name.
    """
    ways: dict[str, Callable[[Iterable[Row]], Iterable[Row]]] = {"near": _near, "exact": once}
    if name not in ways:
        hint = nearest(name, ways) or f"; choose {' or '.join(ways)}"
        raise UserError(f"deduplication={name}: no such choice{hint}")
    return ways[name]


def _near(rows: Iterable[Row]) -> Iterator[Row]:
    # Nothing is read before it is asked for.
    yield from deduplicate(list(rows))


def sentences_of(text: str) -> list[str]:
    """A document's sentences, in order; lines and ellipses don't end one."""
    return _sentences_of(text, lines=False)


def near_duplicates(sentences: Sequence[str], rng: random.Random) -> dict[str, str]:
    """Map each sentence to the first of its group, visiting them in random order."""
    words = {sentence: frozenset(WORD.findall(sentence.lower())) for sentence in sentences}
    frequency = Counter(word for found in words.values() for word in found)
    idf = {word: math.log(1 + len(words) / count) for word, count in frequency.items()}
    # Sets have no order of their own, and fsum doesn't mind: ties fall alike in every process.
    weight = {s: math.fsum(idf[word] for word in found) for s, found in words.items()}
    leaders: dict[str, list[str]] = defaultdict(list)  # word -> leaders with it in their prefix
    group: dict[str, str] = {}
    order = list(sentences)
    rng.shuffle(order)
    for sentence in order:
        own, prefix = weight[sentence], _prefix(words[sentence], idf)
        overlap = {}
        for leader in {leader for word in prefix for leader in leaders[word]}:
            theirs = weight[leader]
            # Of two that differ more, the lighter one can't carry enough of the heavier.
            if min(own, theirs) >= THRESHOLD * max(own, theirs):
                both = math.fsum(idf[word] for word in words[sentence] & words[leader])
                overlap[leader] = both / (own + theirs - both)
        best = max(overlap, key=lambda leader: (overlap[leader], leader), default=None)
        if best is not None and overlap[best] >= THRESHOLD:
            group[sentence] = best
        else:
            group[sentence] = sentence
            for word in prefix:
                leaders[word].append(sentence)
    return group


def _prefix(words: frozenset[str], idf: dict[str, float]) -> list[str]:
    """The rarest words of a sentence, of which two near-duplicates always share one.

    What they share weighs `THRESHOLD` of either at least, and so the rarest word shared is one after which
    as much is still to come, in both (prefix filtering, Chaudhuri, Ganti & Kaushik 2006).
    """
    common_first = sorted(words, key=lambda word: (idf[word], word))
    needed = THRESHOLD * math.fsum(idf[word] for word in words) * (1 - 1e-9)
    for number, total in enumerate(accumulate(idf[word] for word in common_first)):
        if total >= needed:
            return common_first[number:]
    return common_first
