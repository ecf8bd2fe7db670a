"""Names as a tokenizer spells them, and others of as many tokens that could stand in their place."""

import random
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from core.corpus.cases import Cases
from core.corpus.packing import unpack
from core.corpus.symbols import Symbols, shape_of
from core.errors import UserError, nearest

KINDS = ("capitalized", "free")
CANDIDATES = ("any", "typed", "invented")
OWN = 0.5  # of a token's places, those that begin a name, from which on it may stand for another
KEPT = 4096  # rows whose names are kept, should they recur
TRIES = 32  # names drawn for one, of which each may clash with the row
SURVEYED = 2_000_000  # tokens of a corpus in which names are looked for

Spelling = tuple[int, ...]  # a word's tokens
Spellings = Mapping[bool, Spelling]  # behind a space, or not


@dataclass(frozen=True)
class Mention:
    """Tokens [start, end) of a row that are a name, and nothing else."""

    name: str
    start: int
    end: int
    behind_space: bool


class TokenNames:
    """The names in rows of tokens.

    With `free` these are the free symbols that say of whom a text tells (core/corpus/symbols.py), with
    `capitalized` the words that stand in capitals, inside sentences or nowhere in lower case; in a script
    that marks no names so, the free symbols too. Numbers and single letters are none: what is worked out
    from them isn't the same for others.

    Candidates are words of the corpus in the very spellings that they have there: `any` name of the same
    case and number of tokens, `typed` ones that are used alike as far as there are such, or `invented` ones
    whose tokens each stand at the same place of other names.
    """

    def __init__(
        self,
        rows: Iterable[Sequence[int]],
        tokenizer: PreTrainedTokenizerBase,
        kind: str = "capitalized",
        candidates: str = "any",
    ):
        """Raises UserError for another kind of names or candidates."""
        for value, known, what in ((kind, KINDS, "names"), (candidates, CANDIDATES, "candidates")):
            if value not in known:
                raise UserError(f"{what}={value}: no such choice{nearest(value, known)}")
        self.tokenizer, self.candidates = tokenizer, candidates
        self._behind_space = [
            str(token)[:1] in ("Ġ", "▁", " ")
            for token in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        ]
        self._mentions: OrderedDict[bytes, list[Mention]] = OrderedDict()
        texts = [self._read(row) for row in rows]
        self.symbols = Symbols(dict.fromkeys(text for text, _ in texts))
        self._cases = Cases(text for text, _ in texts)
        self.kind = "free" if not self._cases.mark_names else kind
        self._spelled: dict[str, dict[bool, Spelling]] = defaultdict(dict)
        self._num_begun: Counter[int] = Counter()
        self._num_inside: Counter[int] = Counter()
        for text, spans in texts:
            for mention, ids in self._spelled_words(text, spans):
                self._spelled[mention.name].setdefault(mention.behind_space, ids)
                self._num_begun[ids[0]] += 1
                self._num_inside.update(ids[1:])
        self._num_tokens = Counter(token for _, spans in texts for *_, token in spans)
        self._alike: dict[tuple[str, bool, int], list[str]] = defaultdict(list)
        for name in sorted(self._spelled):
            for behind_space, spelling in self._spelled[name].items():
                self._alike[shape_of(name), behind_space, len(spelling)].append(name)

    @classmethod
    def of_corpus(
        cls, sequences: Dataset, tokenizer: PreTrainedTokenizerBase, *how: str
    ) -> "TokenNames":
        """Those of packed rows, of the first `SURVEYED` tokens."""
        count = SURVEYED // len(sequences[0]["input_ids"]) + 1
        some = sequences.select(range(min(len(sequences), count)))
        return cls(sorted({tuple(row) for row in unpack(some)["input_ids"]}), tokenizer, *how)

    @property
    def num_names(self) -> int:
        """How many different names there are."""
        return len(self._spelled)

    @property
    def counts(self) -> tuple[Counter[int], Counter[int]]:
        """By token at how many places of the corpus it stands, and at how many it begins a name."""
        return self._num_tokens, self._num_begun

    @property
    def pieces(self) -> set[int]:
        """Tokens that stand inside names at `OWN` of their places in the corpus or more."""
        return {
            token
            for token, count in self._num_inside.items()
            if count >= OWN * self._num_tokens[token]
        }

    def behind_space(self, token: int) -> bool:
        """Whether the token begins with a space."""
        return self._behind_space[token]

    def of(self, ids: np.ndarray) -> list[Mention]:
        """The names in a row of tokens (T,), in order."""
        key = ids.tobytes()
        if key not in self._mentions:
            text, spans = self._read(ids.tolist())
            self._mentions[key] = [mention for mention, _ in self._spelled_words(text, spans)]
            if len(self._mentions) > KEPT:
                self._mentions.popitem(last=False)
        else:
            self._mentions.move_to_end(key)
        return self._mentions[key]

    def draw(self, ids: np.ndarray, rng: random.Random) -> dict[str, Spellings]:
        """For each name in a row another one, spelled in as many tokens wherever it stands; one to one.

        No new name begins with a token that the row has, or that mostly stands elsewhere than in names. A
        name for which there is none is left out.
        """
        wanted: dict[str, dict[bool, set[int]]] = defaultdict(lambda: defaultdict(set))
        for mention in self.of(ids):
            wanted[mention.name][mention.behind_space].add(mention.end - mention.start)
        taken = set(ids.tolist())
        drawn: dict[str, Spellings] = {}
        for name, found in wanted.items():
            if any(len(sizes) > 1 for sizes in found.values()):
                continue  # spelled in two ways, of which another has one
            sizes = {behind_space: size for behind_space, (size,) in found.items()}
            for spellings in self._others(name, sizes, rng):
                begins = {spellings[behind_space][0] for behind_space in sizes}
                if not begins & taken and all(map(self._begins_names, begins)):
                    taken |= begins
                    drawn[name] = spellings
                    break
        return drawn

    def _begins_names(self, token: int) -> bool:
        """Whether it mostly begins names: what is mapped back where it is said would else be other words."""
        return self._num_begun[token] >= OWN * self._num_tokens[token]

    def _others(
        self, name: str, sizes: Mapping[bool, int], rng: random.Random
    ) -> Iterator[Spellings]:
        """Spellings of others, at random: all that are wanted, in as many tokens."""
        alike = {
            behind: self._alike[shape_of(name), behind, size] for behind, size in sizes.items()
        }
        if not all(alike.values()):
            return
        if self.candidates == "typed":
            others = self.symbols.others.get(name, [])
            yield from self._fitting(rng.sample(others, len(others)), name, sizes)
        for _ in range(TRIES):
            if self.candidates == "invented":
                yield {
                    behind: tuple(
                        self._spelled[rng.choice(alike[behind])][behind][at] for at in range(size)
                    )
                    for behind, size in sizes.items()
                }
            else:
                other = rng.choice(alike[next(iter(sizes))])
                yield from self._fitting([other], name, sizes)

    def _fitting(
        self, names: Iterable[str], name: str, sizes: Mapping[bool, int]
    ) -> Iterator[Spellings]:
        for other in names:
            spelled = self._spelled.get(other, {})
            if other != name and all(len(spelled.get(b, ())) == n for b, n in sizes.items()):
                yield spelled

    def _spelled_words(
        self, text: str, spans: Sequence[tuple[int, int, int]]
    ) -> Iterator[tuple[Mention, Spelling]]:
        """The names of a text whose tokens are theirs alone, with these."""
        at = 0
        chosen = self._chosen(text)
        for start, end in self.symbols.words(text):
            name = text[start:end]
            while at < len(spans) and spans[at][1] <= start:
                at += 1
            stop = at
            while stop < len(spans) and spans[stop][0] < end:
                stop += 1
            if stop == at or name not in chosen:
                continue
            own = text[spans[at][0] : spans[stop - 1][1]]
            if own.strip() == name and not any(a == b for a, b, _ in spans[at:stop]):
                ids = tuple(token for _, _, token in spans[at:stop])
                behind_space = self._behind_space[ids[0]] or own[0].isspace()
                yield Mention(name, at, stop, behind_space), ids

    def _chosen(self, text: str) -> set[str]:
        """The names in a text."""
        found = self.symbols.words_of(text)
        by_case = {word for word in found if self.kind == "capitalized" and self._cases.mark(word)}
        by_use = found - by_case
        found = {word for word in by_case if self._cases.is_name(word, self.symbols.is_rare(word))}
        if by_use:
            to_rename = self.symbols.to_rename(text)
            found |= {word for word in by_use if word.lower() in to_rename}
        return {
            w for w in found if (len(w) > 1 or not w.isascii()) and not any(map(str.isdigit, w))
        }

    def _read(self, ids: Sequence[int]) -> tuple[str, list[tuple[int, int, int]]]:
        """The text of a row, and of each token its characters [start, end) and its id."""
        text = self._decode(ids)
        found = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        if found["input_ids"] == list(ids):
            return text, [(a, b, n) for (a, b), n in zip(found["offset_mapping"], ids, strict=True)]
        # What was cut from a longer text may read otherwise alone.
        ends = [len(self._decode(ids[:stop])) for stop in range(len(ids) + 1)]
        return text, list(zip(ends[:-1], ends[1:], ids, strict=True))

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))
