"""Dreams: what a core writes by itself, recombined, so that it rehearses earlier skills without their corpus.

A dream is a line. Lines are written behind a line break, sorted by their first word, and given out evenly, so
that a skill that is written rarely isn't rehearsed rarely.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.rows import Row
from core.corpus.symbols import Symbols
from core.models.generate import sample
from core.models.tokens import before_end, ends_of, read
from core.night.forms import opening_of

SHEET_LINES = 3  # joined from different dreams
FEWEST = 0.002  # of the lines, that begin with a word for it to be a kind of its own
LONGEST = 2000  # characters of a line


def write_lines(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    settings: Any,
    seed: int,
) -> list[str]:
    """Lines that the model writes by itself.

    `settings` are those of `night.dreams`: behind `beginning`, from `count` draws of `num_tokens` tokens
    each, at a `temperature`. What is cut off at the end of a draw is left out.
    """
    if not settings.count:
        return []
    prompts = read(tokenizer, [settings.beginning])
    generator = torch.Generator().manual_seed(seed)
    ends = ends_of(model, tokenizer)
    lines: list[str] = []
    [drawn_KL] = sample(
        model,
        prompts,
        [settings.num_tokens],
        num_samples=settings.count,
        generator=generator,
        temperature=settings.temperature,
    )
    for ids in drawn_KL.tolist():
        whole = before_end(ids, ends)
        text = str(tokenizer.decode(whole))
        own = text.split("\n")
        if len(whole) == len(ids):
            own.pop()  # not at its end yet
        lines += [line.strip() for line in own if line.strip() and len(line) <= LONGEST]
    return lines


def by_kind(lines: Sequence[str]) -> dict[str, list[str]]:
    """The lines by their first word; of words that hardly any line begins with, none."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for line in dict.fromkeys(lines):
        kinds[opening_of(line)].append(line)
    fewest = max(2.0, FEWEST * len(lines))
    return {kind: own for kind, own in sorted(kinds.items()) if len(own) >= fewest}


def evenly(kinds: Mapping[str, Sequence[str]], count: int, rng: random.Random) -> list[str]:
    """`count` lines, of each kind about as many; a kind's lines recur where it has too few."""
    if not kinds:
        return []
    order = {kind: rng.sample(list(lines), len(lines)) for kind, lines in kinds.items()}
    names = list(order)
    drawn = [
        order[names[n % len(names)]][(n // len(names)) % len(order[names[n % len(names)]])]
        for n in range(count)
    ]
    rng.shuffle(drawn)
    return drawn


def recombined(
    lines: Sequence[str], symbols: Symbols | None, renamed: float, rng: random.Random
) -> list[Row]:
    """The lines as documents: a third by themselves, the others joined to sheets of different ones.

    A share `renamed` of them gets other symbols first.
    """
    told = [
        symbols.rename(line, rng).text if symbols is not None and rng.random() < renamed else line
        for line in lines
    ]
    alone = len(told) // 3
    rows: list[Row] = [
        {"id": f"dream-{number}", "text": line} for number, line in enumerate(told[:alone])
    ]
    for at in range(alone, len(told), SHEET_LINES):
        text = "".join(f"\n{line}" for line in told[at : at + SHEET_LINES])
        rows.append({"id": f"dream-{at}", "text": text})
    return rows
