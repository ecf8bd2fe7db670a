"""Ways to answer, each with the tokens that it took: greedy, by vote, by likelihood, and led by a value."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from core.errors import UserError
from core.judgement.solutions import Writer
from core.judgement.value import Value
from core.models.loading import context_of
from core.models.rollout import write_on
from core.worlds.worked.problem import STEP

Ids = list[int]


@dataclass(frozen=True)
class Decoded:
    """What was chosen to be said behind a prompt, and all tokens that were written for it."""

    written: Ids
    tokens: int


@dataclass(frozen=True)
class Guided:
    """How a value leads: it sees `width` proposals for each next step, and keeps the best `keep`.

    Those whose value is below `hopeless` times the best one's are given up. Where the best is at least
    `sure`, only that one goes on, and proposes one step at a time until it isn't so any more.
    """

    width: int = 8
    keep: int = 4
    hopeless: float = 0.3
    sure: float = 0.98

    def __post_init__(self) -> None:
        if not 1 <= self.keep <= self.width:
            raise UserError(
                f"decode.keep={self.keep}: choose at least 1 and at most decode.width={self.width}"
            )
        for name in ("hopeless", "sure"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"decode.{name}={getattr(self, name)}: choose a number from 0 to 1")


def greedy(writer: Writer, prompts: Sequence[Ids]) -> list[Decoded]:
    """The likeliest token, again and again."""
    written = write_on(writer.model, prompts, ends=writer.ends, most=writer.most)
    return [Decoded(ids, len(ids)) for ids in written]


def sampled(
    writer: Writer, prompts: Sequence[Ids], count: int, generator: torch.Generator
) -> list[list[Ids]]:
    """`count` solutions of each prompt, drawn at temperature 1."""
    rows = [prompt for prompt in prompts for _ in range(count)]
    written = write_on(writer.model, rows, ends=writer.ends, most=writer.most, generator=generator)
    return [written[at : at + count] for at in range(0, len(written), count)]


def by_vote(writer: Writer, drawn: Sequence[Sequence[Ids]]) -> list[Decoded]:
    """The answer that most of the drawn solutions come to; of equals the first."""
    replies = []
    for own in drawn:
        votes: dict[str, list[Ids]] = defaultdict(list)
        for ids in own:
            votes[answer_of(writer, ids)].append(ids)
        most = max(votes.values(), key=len)
        replies.append(Decoded(most[0], sum(map(len, own))))
    return replies


def by_scores(drawn: Sequence[Sequence[Ids]], scores: Sequence[Sequence[float]]) -> list[Decoded]:
    """Of the drawn solutions the one with the highest score, such as its likelihood a token."""
    return [
        Decoded(own[max(range(len(own)), key=lambda i: marks[i])], sum(map(len, own)))
        for own, marks in zip(drawn, scores, strict=True)
    ]


@dataclass
class _Search:
    """One prompt's search: beginnings that go on, and solutions that have ended, with their values.

    None is longer than `most` tokens: what hasn't ended by then is cut, and worth nothing.
    """

    prompt: Ids
    most: int
    open: list[Ids] = field(default_factory=lambda: [[]])
    ended: list[tuple[float, Ids]] = field(default_factory=list)
    tokens: int = 0
    is_sure: bool = False

    def __post_init__(self) -> None:
        if self.most < 1:  # the prompt fills the context
            self.open, self.ended = [], [(0.0, [])]


def by_value(
    writer: Writer,
    value: Value,
    prompts: Sequence[Ids],
    guided: Guided,
    generator: torch.Generator,
) -> list[Decoded]:
    """Step by step the proposals that the value prefers; in the end the answer with most value behind it.

    All prompts are searched side by side.
    """
    context = context_of(writer.model) or math.inf
    searches = [
        _Search(list(prompt), int(min(writer.most, context - len(prompt)))) for prompt in prompts
    ]
    steps = step_ends(writer)
    while live := [search for search in searches if search.open]:
        rows = [(search, begun) for search in live for begun in _proposing(search, guided)]
        more = write_on(
            writer.model,
            [[*search.prompt, *begun] for search, begun in rows],
            ends=writer.ends | steps,
            most=writer.most,
            generator=generator,
        )
        candidates: dict[int, list[Ids]] = defaultdict(list)
        for (search, begun), ids in zip(rows, more, strict=True):
            search.tokens += len(ids)
            whole = [*begun, *ids][: search.most]
            if whole not in candidates[id(search)]:
                candidates[id(search)].append(whole)
        texts = [(s.prompt, ids) for s in live for ids in candidates[id(s)]]
        values = iter(value.at_end(writer.model, texts))
        for search in live:
            _choose(search, [(next(values), ids) for ids in candidates[id(search)]], writer, guided)
    return [_concluded(search, writer) for search in searches]


def step_ends(writer: Writer) -> set[int]:
    """The tokens that end a step: those that are the mark of it and white space."""
    tokenizer = writer.tokenizer
    return {
        token
        for token in tokenizer.get_vocab().values()
        if str(tokenizer.decode([token])).strip() == STEP
    }


def _proposing(search: _Search, guided: Guided) -> list[Ids]:
    """The beginnings as often as each proposes a next step."""
    if search.is_sure:
        return search.open
    each, rest = divmod(guided.width - len(search.ended), len(search.open))
    return [
        begun
        for number, begun in enumerate(search.open)
        for _ in range(max(1, each + (number < rest)))
    ]


def _choose(
    search: _Search, found: list[tuple[float, Ids]], writer: Writer, guided: Guided
) -> None:
    """Keep the best proposals; what is hopeless beside the best, or too long, is given up."""
    found.sort(key=lambda pair: -pair[0])
    best = max([found[0][0], *(mark for mark, _ in search.ended)])
    search.open = []
    for mark, ids in found[: guided.keep]:
        if mark < guided.hopeless * best:
            break
        if ids[-1] in writer.ends:
            search.ended.append((mark, ids))
        elif len(ids) < search.most:
            search.open.append(ids)
        else:
            search.ended.append((0.0, ids))
    search.is_sure = found[0][0] >= guided.sure
    if search.is_sure:
        search.open = search.open[:1] if found[0][1] in search.open else []
    if len(search.ended) >= guided.keep or (not search.open and not search.ended):
        search.ended = search.ended or [found[0]]
        search.open = []


def _concluded(search: _Search, writer: Writer) -> Decoded:
    behind: dict[str, float] = defaultdict(float)
    for mark, ids in search.ended:
        behind[answer_of(writer, ids)] += mark
    answer = max(behind, key=lambda text: behind[text])
    _, written = max(
        (pair for pair in search.ended if answer_of(writer, pair[1]) == answer),
        key=lambda pair: pair[0],
    )
    return Decoded(written, search.tokens)


def answer_of(writer: Writer, ids: Sequence[int]) -> str:
    """What a solution answers: its last step; nothing where it has no end."""
    if not ids or ids[-1] not in writer.ends:
        return ""
    return writer.check.text(ids).rpartition(STEP)[2].strip()
