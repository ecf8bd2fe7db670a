"""What is measured of a value, on a toy model: the records, and what tells a good value from a bad one."""

from dataclasses import replace

import pytest
import torch

from core.judgement.decode import Guided
from evals.judgement import measure
from evals.judgement.attack import attack_records
from evals.judgement.decoding import decoding_records
from evals.judgement.example import example_of
from evals.judgement.measure import CHECKER, KINDS, value_records

COUNTS = {"num_solutions": 6, "num_alternatives": 4, "num_rollouts": 4, "num_ranked": 4}


def test_a_record_for_each_kind_of_value(writer, value, coins, seeded) -> None:
    records = value_records(writer, value, coins, "inside", **COUNTS, generator=seeded())
    assert [record["head"] for record in records] == [*KINDS, CHECKER]
    for record in records:
        assert 0 < record["solved"] < 1 and record["where"] == "inside"
        for part in (0.25, 0.5, 0.75):
            assert 0 <= record[f"auroc_{part}"] <= 1
        assert ("calibration" in record) == (record["head"] in ("head", "both", "feeling"))


def test_a_value_that_knows_the_end_has_a_perfect_rank(writer, value, coins, seeded, monkeypatch):
    """A kind that is told the outcome: so the places and the pairs are those of the same solutions."""
    told: dict[int, float] = {}
    judged = writer.judged

    def noted(problem, prompt, written):
        found = judged(problem, prompt, written)
        told[hash((tuple(prompt), tuple(written)))] = float(found.right)
        return found

    monkeypatch.setattr(writer, "judged", noted)
    texts: list[tuple] = []
    read = measure.read_texts

    def reading(model, asked, layer):
        texts[:] = [hash((tuple(p), tuple(w))) for p, w in asked]
        return read(model, asked, layer)

    monkeypatch.setattr(measure, "read_texts", reading)
    number = iter(range(10**6))

    def knows(value):
        return {
            "head": lambda one: torch.full(
                (len(one.hidden_ND),), told.get(texts[next(number) % len(texts)], 0.5)
            )
        }

    monkeypatch.setattr(measure, "scorers", knows)
    monkeypatch.setattr(measure, "ranking", lambda *_, **__: {"head": []})
    record, _ = value_records(writer, value, coins, "inside", **COUNTS, generator=seeded())
    assert record["auroc_0.25"] == record["auroc_0.75"] == 1.0
    assert record["calibration"] == 0


def test_decoding_counts_tokens_and_solved_problems(writer, value, coins, seeded) -> None:
    records = decoding_records(
        writer,
        value,
        coins,
        "inside",
        guided=Guided(width=4, keep=2),
        counts=[1, 4],
        generator=seeded(),
    )
    by_way = {(r["method"], r["solutions"]): r for r in records}
    assert by_way["majority vote", 4]["tokens"] == by_way["best by value", 4]["tokens"]
    assert by_way["majority vote", 1]["tokens"] < by_way["majority vote", 4]["tokens"]
    assert by_way["majority vote", 1]["accuracy"] == by_way["best by value", 1]["accuracy"]
    assert {way for way, _ in by_way} >= {"greedy", "led by value", "best by likelihood"}


def test_an_attack_finds_what_pleases_a_careless_value(writer, value, coins) -> None:
    """A value that likes everything but what is right lets all through; the guard stops random text."""
    records = attack_records(writer, value, coins, seed=0)
    ways = {record["attack"] for record in records}
    assert ways == {
        "random tokens",
        "one token repeated",
        "steps that look right",
        "tokens by gradient",
    }
    for record in records:
        found = record["false_positives"]
        assert 0 <= found <= 1 if record["n"] else found is None
    own = value.heads[value.leads]
    nothing = replace(own, weight_F=torch.zeros_like(own.weight_F), bias=torch.tensor(0.0))
    blind = attack_records(
        writer, replace(value, heads={**value.heads, value.leads: nothing}), coins, seed=0
    )
    assert all(not r["false_positives"] for r in blind), "equal isn't above"


def test_an_attack_that_finds_no_wrong_text_has_no_share(writer, value, coins, monkeypatch) -> None:
    every = replace(writer.judged(coins[0], [], []), right=True)
    monkeypatch.setattr(writer, "judged", lambda *_: every)
    records = attack_records(writer, value, coins, seed=0)
    assert {(r["false_positives"], r["n"]) for r in records} == {(None, 0)}


def test_the_gradient_pleases_more_than_where_it_began(writer, value, coins) -> None:
    records = attack_records(writer, value, coins, seed=0)
    unguarded = {r["attack"]: r["false_positives"] for r in records if not r["guarded"]}
    assert unguarded["tokens by gradient"] >= unguarded["random tokens"]


def test_an_example_is_a_right_and_a_wrong_solution_of_one_problem(writer, value, coins) -> None:
    right, wrong = example_of(writer, value, coins, seed=0)
    assert right["right"] and not wrong["right"] and right["prompt"] == wrong["prompt"]
    for row in (right, wrong):
        assert len(row["words"]) == len(row["values"])
        assert all(0 <= one <= 1 for one in row["values"])


def test_the_right_one_of_an_example_makes_no_mistake_where_there_is_such_a_one(
    writer, value, coins, monkeypatch
) -> None:
    """Every solution but those of three tokens makes one."""
    monkeypatch.setattr(
        writer, "first_wrong", lambda one: None if len(one.written) == 3 else len(one.written) - 1
    )
    drawn = writer.attempts(coins, 8, generator=torch.Generator().manual_seed(0))
    assert any(one.right and len(one.written) == 3 for own in drawn for one in own)
    assert any(one.right and len(one.written) != 3 for own in drawn for one in own)
    right, _ = example_of(writer, value, coins, seed=0)
    assert right["first_wrong"] is None


@pytest.mark.parametrize("written", [[70, 71], [5]])
def test_half_of_a_solution_ends_with_a_step(written) -> None:
    assert measure._half(written, {71}) == []
    assert measure._half([1, 71, 2, 3, 71, 4], {71}) == [1, 71]
