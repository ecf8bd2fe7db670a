"""A model's own solutions: outcomes, the cap, and going on after an interruption."""

from pathlib import Path

import pytest
import torch

from core.errors import UserError
from core.judgement import solutions
from core.judgement.checked import Checker, checked_problem
from core.judgement.solutions import Writer, written_down


def test_what_does_not_end_is_wrong(make_writer, coins) -> None:
    writer = make_writer()
    ended, cut = [70, 5], [70, 71]
    assert writer.check.text(ended) == writer.check.text([70])
    for written in (ended, cut, []):
        right = writer.judged(coins[0], [3], written).right
        assert right == (written == ended and coins[0].is_solved(writer.check.text(written)))
    assert {writer.judged(coins[0], [3], [token, 5]).right for token in range(60, 320)} == {
        True,
        False,
    }


def test_a_beginning_stays_at_the_beginning(make_writer, coins) -> None:
    writer = make_writer()
    begun = [[100 + n] for n in range(len(coins))]
    generator = torch.Generator().manual_seed(0)
    attempts = writer.attempts(coins, 2, generator=generator, begun=begun)
    for start, own in zip(begun, attempts, strict=True):
        assert len(own) == 2 and all(one.written[:1] == start for one in own)


def test_an_interrupted_writer_goes_on(
    make_writer, coins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solutions, "PROBLEMS_AT_ONCE", 2)
    writer, path = make_writer(), tmp_path / "solutions.jsonl"
    whole = written_down(writer, coins, 3, tmp_path / "whole.jsonl", seed=4, report=lambda *_: None)

    def stopped(done: int, total: int, note: str) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written_down(writer, coins, 3, path, seed=4, report=stopped)
    lines = path.read_bytes()
    path.write_bytes(lines[:-10])  # the last line wasn't whole
    again = written_down(writer, coins, 3, path, seed=4, report=lambda *_: None)
    assert [[s.written for s in own] for own in again] == [
        [s.written for s in own] for own in whole
    ]
    assert [[s.right for s in own] for own in again] == [[s.right for s in own] for own in whole]
    assert path.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (" 2 4 0 6 0 ; 1 3 0 4 0 ; so 4 6", None),
        (" 2 4 0 6 0 ; 1 3 0 5 0 ; so 5 6", "2 4 0 6 0 ; 1 3 0"),
        (" 9", ""),
    ],
)
def test_a_mistake_is_found_where_it_is_made(
    make_llama, toy_tokenizer, text: str, first: str | None
) -> None:
    writer = Writer(make_llama(), toy_tokenizer, most=12)
    problem = checked_problem("Add: 1 2 + 3 4 =>")
    written = list(toy_tokenizer(text)["input_ids"])
    found = writer.first_wrong(writer.judged(problem, [3], written))
    assert (found is None) == (first is None)
    if found is not None:
        assert writer.check.text(written[:found]) == first


def test_the_checker_knows_problems_by_their_prompts(toy_tokenizer) -> None:
    check = Checker(toy_tokenizer, {0})

    def ids(text: str) -> list[int]:
        return list(toy_tokenizer(text)["input_ids"])

    prompt, right = ids("Add: 1 2 + 3 4 =>"), ids(" 2 4 0 6 0 ; 1 3 0 4 0 ; so 4 6")
    assert check(prompt, [*right, 0]) == 1.0
    assert check(prompt, right) == 0.0, "it hasn't ended"
    assert check(prompt, [*ids(" so 4 7"), 0]) == 0.0
    with pytest.raises(UserError, match=r"no family with a checker.*addition, swaps"):
        check(ids("Turn around: red tall"), [5, 0])


def test_a_problem_that_fills_the_context_is_written_down_as_unsolved(
    make_llama, toy_tokenizer, coins, tmp_path
) -> None:
    prompt = toy_tokenizer(coins[0].prompt)["input_ids"]
    model = make_llama(max_position_embeddings=len(prompt))
    for _ in range(2):  # written, then read from the file
        writer = Writer(model, toy_tokenizer, most=12)
        (own,) = written_down(writer, coins[:1], 2, tmp_path / "s.jsonl", seed=0, report=print)
        assert [(one.written, one.right) for one in own] == [([], False)] * 2
