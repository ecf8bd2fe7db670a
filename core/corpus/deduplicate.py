"""Each piece of text and each fact at most once: what a reference may see that must not learn by heart.

A fact is a pair of symbols that the corpus tells (told.py), in whatever words. Documents are taken apart into
sentences; one that tells again what an earlier document or sentence has told goes. Of the others, sentences
that say the same in other words are one piece: two sentences are near-duplicates when the words they share
carry most of the information of the words in either, sum of idf over the intersection / sum over the union ≥
`THRESHOLD`. Tasks are pieces as a whole, compared exactly (up to case and white space).
"""

import hashlib
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, pairwise

from core.corpus.rows import Row, joined_text, prompt_of, taught_text
from core.corpus.script import sentences_of as _sentences_of
from core.corpus.script import words_of
from core.corpus.symbols import Symbols
from core.corpus.told import find_told
from core.errors import UserError, nearest

THRESHOLD = 0.5


def deduplicate(rows: Sequence[Row], seed: int = 0) -> list[Row]:
    """The rows with every fact told once, and every piece but one of each group of near-duplicates dropped.

    Which one stays is drawn at random, so that what remains is spread over the whole corpus; order is kept.
    Documents lose sentences, and go when nothing is left of them.
    """
    rows = tell_once(rows, seed)
    pieces = [_cut(row["text"]) if "text" in row else [joined_text(row)] for row in rows]
    sentences = {
        part.strip()
        for row, parts in zip(rows, pieces, strict=True)
        if "text" in row
        for part in parts
    }
    group = near_duplicates(sorted(sentences), random.Random(f"{seed}/groups"))
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, parts in enumerate(pieces):
        for at, piece in enumerate(parts):
            alike = group.get(piece.strip()) or " ".join(piece.lower().split())
            places[alike].append((number, at))
    rng = random.Random(f"{seed}/kept")
    kept = {rng.choice(spots) for spots in places.values()}
    result = []
    for number, (row, parts) in enumerate(zip(rows, pieces, strict=True)):
        remaining = [piece for at, piece in enumerate(parts) if (number, at) in kept]
        if "text" in row and remaining:
            result.append({**row, "text": "".join(remaining).strip()})
        elif remaining:
            result.append(row)
    return result


def tell_once(rows: Sequence[Row], seed: int = 0) -> list[Row]:
    """The rows without the sentences and tasks that tell again what others have told, order kept."""
    told = find_told(rows, Symbols(dict.fromkeys(map(joined_text, rows))))
    order = list(range(len(rows)))
    random.Random(f"{seed}/told").shuffle(order)
    met: set[tuple[int, int]] = set()
    left: dict[int, Row] = {}
    for number in order:
        row, before, kept = rows[number], told.symbols_in(prompt_of(rows[number])), []
        for piece in _cut(row["text"]) if "text" in row else [taught_text(row)]:
            here = told.symbols_in(piece)
            # What stands in a prompt is read from there, not told.
            pairs = told.between(before, here - before)
            if "text" in row:
                pairs |= told.between(here, here)
            if not pairs & met:
                kept.append(piece)
                met |= pairs
            before |= here
        if kept:
            left[number] = {**row, "text": "".join(kept).strip()} if "text" in row else row
    return [left[number] for number in sorted(left)]


def once(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with all but the first of the pieces dropped that read the same, up to case and white space.

    For corpora larger than memory: of each piece met so far, 8 bytes of its hash are kept, about 70 bytes in
    all, which is 3 a token. What is said in other words stays.
    """
    met: set[int] = set()
    for row in rows:
        pieces = _cut(row["text"]) if "text" in row else [joined_text(row)]
        remaining = []
        for piece in pieces:
            text = " ".join(piece.lower().split()).encode(errors="surrogatepass")
            number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
            if number not in met:
                met.add(number)
                remaining.append(piece)
        if "text" in row and remaining:
            yield {**row, "text": "".join(remaining).strip()}
        elif remaining:
            yield row


def deduplication_of(name: str) -> Callable[[Iterable[Row]], Iterable[Row]]:
    """`deduplicate` for `near`, which holds the whole corpus in memory, or `once` for `exact`.

    Raises UserError for another name.
    """
    ways: dict[str, Callable[[Iterable[Row]], Iterable[Row]]] = {"near": _near, "exact": once}
    if name not in ways:
        hint = nearest(name, ways) or f"; choose {' or '.join(ways)}"
        raise UserError(f"variants.deduplication={name}: no such choice{hint}")
    return ways[name]


def _near(rows: Iterable[Row]) -> Iterator[Row]:
    # Nothing is read before it is asked for.
    yield from deduplicate(list(rows))


def sentences_of(text: str) -> list[str]:
    """A document's sentences, in order; lines and ellipses don't end one."""
    return _sentences_of(text, lines=False)


def _cut(text: str) -> list[str]:
    """A document's sentences, each with the white space behind it."""
    starts, at = [], 0
    for sentence in sentences_of(text):
        starts.append(text.index(sentence, at))
        at = starts[-1] + len(sentence)
    return [text[start:end] for start, end in pairwise([*starts, len(text)])]


def near_duplicates(sentences: Sequence[str], rng: random.Random) -> dict[str, str]:
    """Map each sentence to the first of its group, visiting them in random order."""
    words = {sentence: frozenset(words_of(sentence.lower())) for sentence in sentences}
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
    """The rarest words of a sentence, of which two near-duplicates always share at least one.

    The words that they share weigh at least `THRESHOLD` of either sentence. So as much weight must still come
    after the rarest shared word, in both (prefix filtering, Chaudhuri, Ganti & Kaushik 2006).
    """
    common_first = sorted(words, key=lambda word: (idf[word], word))
    needed = THRESHOLD * math.fsum(idf[word] for word in words) * (1 - 1e-9)
    for number, total in enumerate(accumulate(idf[word] for word in common_first)):
        if total >= needed:
            return common_first[number:]
    return common_first
