"""A model's own solutions of problems, with their outcomes; written on disk as they come."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.judgement.checked import Checker
from core.models.rollout import write_on
from core.models.tokens import ends_of, read
from core.runs.console import Report
from core.worlds.worked.problem import Problem
from core.writing.journal import Journal, Said

PROBLEMS_AT_ONCE = 32  # written down together
FILE = "solutions.jsonl"


@dataclass(frozen=True)
class Solution:
    """One attempt: token ids of the prompt and of what was written, and whether its answer is right.

    What lacks an end was cut at the cap, and isn't right.
    """

    problem: Problem
    prompt: list[int]
    written: list[int]
    right: bool


class Writer:
    """A model that writes solutions, at most `most` tokens each."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, most: int):
        self.model, self.tokenizer, self.most = model, tokenizer, most
        self.ends = ends_of(model, tokenizer)
        self.check = Checker(tokenizer, self.ends)

    def prompts(self, problems: Sequence[Problem]) -> list[list[int]]:
        """Token ids of the problems' prompts."""
        return read(self.tokenizer, [problem.prompt for problem in problems])

    def attempts(
        self,
        problems: Sequence[Problem],
        num_each: int,
        *,
        generator: torch.Generator | None,
        begun: Sequence[Sequence[int]] | None = None,
    ) -> list[list[Solution]]:
        """For each problem `num_each` solutions: drawn at temperature 1, or greedy ones without a generator.

        `begun` are token ids that they begin with, by problem.
        """
        begun = begun or [[] for _ in problems]
        rows = [
            (problem, prompt, list(start))
            for problem, prompt, start in zip(problems, self.prompts(problems), begun, strict=True)
            for _ in range(num_each)
        ]
        written = write_on(
            self.model,
            [[*prompt, *start] for _, prompt, start in rows],
            ends=self.ends,
            most=self.most,
            generator=generator,
        )
        found = [
            self.judged(problem, prompt, [*start, *more])
            for (problem, prompt, start), more in zip(rows, written, strict=True)
        ]
        return [found[at : at + num_each] for at in range(0, len(found), num_each)]

    def judged(self, problem: Problem, prompt: list[int], written: list[int]) -> Solution:
        """A solution with its outcome."""
        right = self.has_ended(written) and problem.is_solved(self.check.text(written))
        return Solution(problem, prompt, written, right)

    def has_ended(self, written: Sequence[int]) -> bool:
        """Whether it has an end; what was cut has none, nor has what found no room at all."""
        return bool(written) and written[-1] in self.ends

    def first_wrong(self, solution: Solution) -> int | None:
        """The place of the first token with which it isn't the beginning of a right solution any more."""

        def is_wrong(count: int) -> bool:
            text = self.check.text(solution.written[:count])
            return not solution.problem.is_right_so_far(text)

        lengths = range(1, len(solution.written) + 1)
        place = bisect_left(lengths, True, key=is_wrong)
        return place if place < len(lengths) else None


def written_down(
    writer: Writer,
    problems: Sequence[Problem],
    num_each: int,
    path: Path,
    *,
    seed: int,
    report: Report,
) -> list[list[Solution]]:
    """`num_each` drawn solutions of each problem, those in the file at `path` first.

    A killed process goes on behind the last batch that is whole there: each batch has a seed of its own, so
    all are as an uninterrupted one would have written them.
    """
    journal, found = Journal(path), list[list[Solution]]()
    for number, at in enumerate(range(0, len(problems), PROBLEMS_AT_ONCE)):
        batch = problems[at : at + PROBLEMS_AT_ONCE]
        report(at, len(problems), "solutions")
        if number < len(journal.batches):
            prompts = writer.prompts(batch)
            found += [
                [writer.judged(problem, prompt, _ids(said)) for said in own]
                for problem, prompt, own in zip(
                    batch, prompts, journal.batches[number], strict=True
                )
            ]
            continue
        generator = torch.Generator().manual_seed(seed * 1_000_003 + number)
        attempts = writer.attempts(batch, num_each, generator=generator)
        journal.add([[_said(one, writer) for one in own] for own in attempts])
        found += attempts
    return found


def _said(solution: Solution, writer: Writer) -> Said:
    """Token ids as text: what a model draws may be tokenized otherwise when it is read again."""
    return Said(" ".join(map(str, solution.written)), writer.has_ended(solution.written))


def _ids(said: Said) -> list[int]:
    return [int(token) for token in said.text.split()]
