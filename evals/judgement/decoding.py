"""What a value is good for: solved problems against tokens written, beside other ways to spend them."""

from collections.abc import Sequence
from typing import Any

import torch

from core.judgement.decode import Decoded, Guided, by_scores, by_value, by_vote, greedy, sampled
from core.judgement.reading import read_texts
from core.judgement.solutions import Writer
from core.judgement.value import Value
from core.worlds.worked.problem import Problem
from evals.judgement.ranks import mean_of


def decoding_records(
    writer: Writer,
    value: Value,
    problems: Sequence[Problem],
    where: str,
    *,
    guided: Guided,
    counts: Sequence[int],
    generator: torch.Generator,
) -> list[dict[str, Any]]:
    """A record for each way and number of solutions: tokens a problem and the share that is solved.

    The vote, the likelihood and the value at the end choose among the same drawn solutions.
    """
    prompts = writer.prompts(problems)
    records = [_record("greedy", where, 1, problems, greedy(writer, prompts), writer)]
    drawn = sampled(writer, prompts, max(counts), generator)
    readings = read_texts(
        writer.model,
        [(p, ids) for p, own in zip(prompts, drawn, strict=True) for ids in own],
        value.layer,
    )
    likelihoods = [
        float(reading.feeling_N3[-1, 0]) / len(reading.feeling_N3) for reading in readings
    ]
    values = [float(value.at_each(reading)[-1]) for reading in readings]
    for count in counts:
        own = [ids[:count] for ids in drawn]
        ways = {
            "majority vote": by_vote(writer, own),
            "best by likelihood": by_scores(own, _grouped(likelihoods, max(counts), count)),
            "best by value": by_scores(own, _grouped(values, max(counts), count)),
        }
        records += [_record(way, where, count, problems, r, writer) for way, r in ways.items()]
    led = by_value(writer, value, prompts, guided, generator)
    records.append(_record("led by value", where, guided.width, problems, led, writer))
    return records


def _grouped(scores: Sequence[float], each: int, count: int) -> list[list[float]]:
    return [list(scores[at : at + count]) for at in range(0, len(scores), each)]


def _record(
    way: str,
    where: str,
    count: int,
    problems: Sequence[Problem],
    replies: Sequence[Decoded],
    writer: Writer,
) -> dict[str, Any]:
    solved = [
        float(writer.judged(problem, [], reply.written).right)
        for problem, reply in zip(problems, replies, strict=True)
    ]
    tokens = sum(reply.tokens for reply in replies) / len(replies)
    found = mean_of(solved)
    return {
        "method": way,
        "where": where,
        "solutions": count,
        "tokens": tokens,
        **found.row("accuracy"),
    }
