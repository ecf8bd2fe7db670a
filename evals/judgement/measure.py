"""What a value knows: within problems, of alternative next steps, and as a probability."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from core.judgement.decode import step_ends
from core.judgement.reading import Reading, read_texts
from core.judgement.solutions import Solution, Writer
from core.judgement.value import Value
from core.models.rollout import write_on
from core.worlds.worked.problem import Problem
from evals.judgement.ranks import calibration_error, concordance, mean_of, within_problems

SPREAD = 2.0  # temperature at which alternative steps are drawn, so that they differ
PARTS = (0.25, 0.5, 0.75)  # of a solution
PROBABILITIES = ("head", "both", "feeling")
KINDS = (*PROBABILITIES, "likelihood", "entropy", "least likely")
# What is wrong already, told by the problem's checker: no value can see that, so it shows how much of the
# outcome is decided by then.
CHECKER = "checker"

Scores = Callable[[Reading], torch.Tensor]


def scorers(value: Value) -> dict[str, Scores]:
    """Scores (N,) at each written token by kind; more speaks for a right end."""
    return {
        **{name: partial(value.unguarded, name=name) for name in PROBABILITIES},
        "likelihood": lambda reading: reading.feeling_N3[:, 0],
        "entropy": lambda reading: -reading.feeling_N3[:, 1],
        "least likely": lambda reading: reading.feeling_N3[:, 2],
    }


def value_records(
    writer: Writer,
    value: Value,
    problems: Sequence[Problem],
    where: str,
    *,
    num_solutions: int,
    num_alternatives: int,
    num_rollouts: int,
    num_ranked: int,
    generator: torch.Generator,
) -> list[dict[str, Any]]:
    """A record for each kind of value: AUROC within problems, ranking of next steps, calibration error.

    Another one, `checker`, has the AUROC of who sees each mistake when it is made, and no future one.
    """
    attempts = writer.attempts(problems, num_solutions, generator=generator)
    flat = [one for own in attempts for one in own]
    readings = read_texts(writer.model, [(s.prompt, s.written) for s in flat], value.layer)
    ranked = ranking(
        writer,
        value,
        attempts[:num_ranked],
        num_alternatives=num_alternatives,
        num_rollouts=num_rollouts,
        generator=generator,
    )
    records = []
    by_kind = {kind: [s(reading) for reading in readings] for kind, s in scorers(value).items()}
    by_kind[CHECKER] = [_right_so_far(writer, solution) for solution in flat]
    for kind, marks in by_kind.items():
        record: dict[str, Any] = {"head": kind, "where": where, "solved": _share(flat)}
        for part in PARTS:
            at = [float(mark[_place(part, len(mark))]) for mark in marks]
            pairs = [(m, s.right) for m, s in zip(at, flat, strict=True)]
            grouped = [pairs[i : i + num_solutions] for i in range(0, len(pairs), num_solutions)]
            record |= within_problems(grouped).row(f"auroc_{part}")
        if kind in ranked:
            record |= mean_of(ranked[kind]).row("ranking")
        if kind in PROBABILITIES:
            every = torch.cat(marks).tolist()
            outcomes = [s.right for s, mark in zip(flat, marks, strict=True) for _ in mark]
            record["calibration"] = calibration_error(every, outcomes)
        records.append(record)
    return records


def ranking(
    writer: Writer,
    value: Value,
    attempts: Sequence[Sequence[Solution]],
    *,
    num_alternatives: int,
    num_rollouts: int,
    generator: torch.Generator,
) -> dict[str, list[float]]:
    """How well each kind orders alternative next steps, against the share of rollouts that end right.

    Half of a solution of each problem is the beginning; alternatives are next steps drawn behind it. For the
    kind `likelihood` it is that of the step alone. By kind, the concordance of each problem
    whose alternatives differ.
    """
    steps = step_ends(writer)
    begun = [(own[0], _half(own[0].written, steps)) for own in attempts]
    rows = [(one, start) for one, start in begun for _ in range(num_alternatives)]
    more = write_on(
        writer.model,
        [[*one.prompt, *start] for one, start in rows],
        ends=writer.ends | steps,
        most=writer.most,
        generator=generator,
        temperature=SPREAD,
    )
    chosen: list[tuple[Solution, list[int], list[int]]] = []
    for (one, start), step in zip(rows, more, strict=True):
        if (one, start, step) not in chosen[-num_alternatives:]:
            chosen.append((one, start, step))
    truths = _by_rollouts(writer, chosen, num_rollouts, generator)
    texts = [(one.prompt, [*start, *step]) for one, start, step in chosen]
    readings = read_texts(writer.model, texts, value.layer)
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    score_of = scorers(value)
    by_problem: dict[int, list[int]] = {}
    for number, (one, _, _) in enumerate(chosen):
        by_problem.setdefault(id(one), []).append(number)
    for numbers in by_problem.values():
        true = [truths[n] for n in numbers]
        marks = {k: [float(s(readings[n])[-1]) for n in numbers] for k, s in score_of.items()}
        marks["likelihood"] = [_of_step(readings[n], len(chosen[n][2])) for n in numbers]
        for kind, own in marks.items():
            if (agreed := concordance(own, true)) is not None:
                found[kind].append(agreed)
    return found


def _right_so_far(writer: Writer, solution: Solution) -> torch.Tensor:
    """At each written token 1 as long as no mistake is made, then 0: (N,)."""
    first = writer.first_wrong(solution)
    count = len(solution.written)
    return (torch.arange(count) < (count if first is None else first)).float()


def _by_rollouts(
    writer: Writer,
    chosen: Sequence[tuple[Solution, list[int], list[int]]],
    count: int,
    generator: torch.Generator,
) -> list[float]:
    """The share of right ends behind each beginning; one that has ended is as it is."""
    found = []
    open_ = [n for n, (_, _, step) in enumerate(chosen) if step[-1] not in writer.ends]
    attempts = writer.attempts(
        [chosen[n][0].problem for n in open_],
        count,
        generator=generator,
        begun=[[*chosen[n][1], *chosen[n][2]] for n in open_],
    )
    shares = {n: _share(own) for n, own in zip(open_, attempts, strict=True)}
    for number, (one, start, step) in enumerate(chosen):
        ended = writer.judged(one.problem, one.prompt, [*start, *step])
        found.append(shares.get(number, float(ended.right)))
    return found


def _half(written: Sequence[int], steps: set[int]) -> list[int]:
    """The steps that end in the first half of what is written."""
    ends = [at + 1 for at, token in enumerate(written) if token in steps]
    inside = [end for end in ends if end <= len(written) / 2]
    return list(written[: inside[-1]]) if inside else []


def _of_step(reading: Reading, count: int) -> float:
    """The log-probability of the last `count` tokens."""
    total_N = reading.feeling_N3[:, 0]
    before = float(total_N[-count - 1]) if len(total_N) > count else 0.0
    return float(total_N[-1]) - before


def _place(part: float, count: int) -> int:
    """The token at which a share of the solution is written."""
    return max(0, min(count - 1, round(part * count) - 1))


def _share(solutions: Sequence[Solution]) -> float:
    return sum(one.right for one in solutions) / max(len(solutions), 1)
