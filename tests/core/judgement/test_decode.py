"""Ways to answer: how votes and scores choose, and how a value leads the search."""

import pytest
import torch

from core.errors import UserError
from core.judgement.decode import (
    Guided,
    answer_of,
    by_scores,
    by_value,
    by_vote,
    greedy,
    sampled,
    step_ends,
)
from tests.coins import writer_of


@pytest.fixture
def prompts(make_writer, coins) -> list[list[int]]:
    return make_writer().prompts(coins)


class Liking:
    """A value that likes token ids by what `score` says of the text written."""

    def __init__(self, score):
        self.score, self.seen = score, []

    def at_end(self, model, texts):
        self.seen.append([list(written) for _, written in texts])
        return [self.score(written) for _, written in texts]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_vote_goes_to_the_commonest_answer(make_writer) -> None:
    writer = make_writer()
    (reply,) = by_vote(writer, [[[70, 5], [80, 5], [80, 6], [90, 91]]])
    assert reply.written == [80, 5] and reply.tokens == 8
    assert answer_of(writer, [90, 91]) == "", "it hasn't ended"


def test_the_highest_score_is_taken() -> None:
    (reply,) = by_scores([[[70, 5], [80, 6], [90]]], [[0.1, 0.7, 0.3]])
    assert reply.written == [80, 6] and reply.tokens == 5


def test_greedy_and_drawn_solutions_end(make_writer, prompts) -> None:
    writer = make_writer()
    assert all(r.tokens == len(r.written) for r in greedy(writer, prompts))
    drawn = sampled(writer, prompts, 3, seeded())
    assert [len(own) for own in drawn] == [3] * len(prompts)


def test_the_value_leads_to_what_it_likes(make_writer, prompts, monkeypatch) -> None:
    """Of the first steps it sees the value prefers those that begin with a high token id."""
    writer = make_writer(most=20)
    monkeypatch.setattr("core.judgement.decode.step_ends", lambda writer: set(range(60, 200)))
    value = Liking(lambda written: written[0] / 400)
    replies = by_value(
        writer, value, prompts, Guided(width=8, keep=2, hopeless=0.0, sure=1), seeded()
    )
    firsts = [written[0] for written in value.seen[0]]
    for number, reply in enumerate(replies):
        own = sorted(set(firsts[number * 8 : number * 8 + 8]))
        assert reply.written[0] in own or len(set(firsts)) < len(firsts)
        assert len(reply.written) <= 20
    plain = sampled(writer, prompts, 1, seeded())
    led = sum(reply.written[0] for reply in replies) / len(replies)
    assert led > sum(own[0][0] for own in plain) / len(plain) + 30


def test_hopeless_ones_are_given_up(make_writer, prompts, monkeypatch) -> None:
    writer = make_writer(most=20)
    monkeypatch.setattr("core.judgement.decode.step_ends", lambda writer: set(range(60, 200)))
    tokens = {}
    for hopeless in (0.0, 1.0):
        value = Liking(lambda written: (written[0] % 7 + 1) / 10)
        guided = Guided(width=8, keep=8, hopeless=hopeless, sure=1)
        by_value(writer, value, prompts, guided, seeded())
        tokens[hopeless] = len(value.seen[1])  # candidates that are left after the first step
    assert tokens[1.0] <= tokens[0.0]


def test_a_sure_value_lets_one_go_on(make_writer, prompts, monkeypatch) -> None:
    writer = make_writer(most=20)
    monkeypatch.setattr("core.judgement.decode.step_ends", lambda writer: set(range(60, 200)))
    value = Liking(lambda written: 1.0)
    guided = Guided(width=8, keep=4, hopeless=0.3, sure=0.9)
    replies = by_value(writer, value, prompts, guided, seeded())
    assert len(value.seen) > 1 and all(len(texts) <= len(prompts) for texts in value.seen[1:])
    assert all(reply.written for reply in replies)


def test_all_tokens_written_are_counted(make_writer, prompts) -> None:
    writer, value = make_writer(), Liking(lambda written: 0.5)
    replies = by_value(writer, value, prompts, Guided(width=4, keep=4), seeded())
    assert all(reply.tokens >= len(reply.written) for reply in replies)


def test_steps_end_with_their_mark(make_writer, toy_tokenizer) -> None:
    found = {toy_tokenizer.decode([token]).strip() for token in step_ends(make_writer())}
    assert found == {";"}


def test_bounds_are_checked() -> None:
    with pytest.raises(UserError, match=r"decode\.keep=9"):
        Guided(width=8, keep=9)
    with pytest.raises(UserError, match=r"decode\.sure=2"):
        Guided(sure=2)


@pytest.mark.parametrize("room", [0, 1, 5, 12])
def test_a_search_ends_where_the_context_does(
    make_llama, toy_tokenizer, prompts, monkeypatch, room: int
) -> None:
    """What has no end by then is worth nothing, however much the value likes it."""
    longest = max(map(len, prompts))
    model = make_llama(seed=1, max_position_embeddings=longest + room)
    writer = writer_of(model, toy_tokenizer, 12)
    monkeypatch.setattr("core.judgement.decode.step_ends", lambda writer: set(range(60, 120)))
    value, rounds = Liking(lambda written: 0.5), 12
    monkeypatch.setattr(value, "at_end", ending(value.at_end, rounds))
    for prompt, reply in zip(
        prompts, by_value(writer, value, prompts, Guided(), seeded()), strict=True
    ):
        assert len(reply.written) <= min(12, longest + room - len(prompt))


def ending(ask, rounds: int):
    """The function, until it is asked more often than a search has rounds."""
    left = iter(range(rounds))

    def asked(*args):
        assert next(left, None) is not None, "it never ends"
        return ask(*args)

    return asked
