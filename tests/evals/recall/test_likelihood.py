"""Answers that share their prompt's keys and values are scored as those that don't."""

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    MambaConfig,
    MambaForCausalLM,
    PreTrainedModel,
)

from evals.recall.likelihood import Pair, score_answers

VOCAB_SIZE = 40
SMALL = {"vocab_size": VOCAB_SIZE, "hidden_size": 32, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}


def gpt2() -> PreTrainedModel:
    return GPT2LMHeadModel(GPT2Config(vocab_size=VOCAB_SIZE, n_embd=32, n_layer=2, n_head=2))


def capped_with_a_window() -> PreTrainedModel:
    config = Gemma2Config(**SMALL, **HEADS, intermediate_size=32, sliding_window=4)
    return Gemma2ForCausalLM(config)


def without_attention() -> PreTrainedModel:
    return MambaForCausalLM(MambaConfig(**SMALL, state_size=4))


@pytest.fixture
def pairs() -> list[Pair]:
    """Prompts of two lengths with several answers of one to four tokens, and one prompt with one."""
    generator = torch.Generator().manual_seed(0)

    def draw(length: int) -> list[int]:
        return torch.randint(VOCAB_SIZE, (length,), generator=generator).tolist()

    prompts = [draw(length) for length in (9, 6, 9, 6, 5)]
    lengths = [(1, 3, 2), (2, 2), (1, 1), (4, 1), (2,)]
    grouped = [
        (prompt, draw(length))
        for prompt, own in zip(prompts, lengths, strict=True)
        for length in own
    ]
    return [*grouped[::2], *grouped[1::2]]  # those of a prompt needn't stand together


@pytest.mark.parametrize("make", [gpt2, capped_with_a_window, without_attention])
@pytest.mark.parametrize("tokens_per_batch", [1, 40, 4096])
def test_together_as_apart(make, pairs: list[Pair], tokens_per_batch: int) -> None:
    torch.manual_seed(0)
    model = make().eval()
    with torch.no_grad():
        apart = [score_answers(model, [pair], tokens_per_batch=64)[0] for pair in pairs]
        together = score_answers(model, pairs, tokens_per_batch=tokens_per_batch)
    for (_, answer), one, other in zip(pairs, apart, together, strict=True):
        assert other.logprob == pytest.approx(one.logprob, abs=1e-4)
        assert (other.rank, other.predicted, other.greedy) == (one.rank, one.predicted, one.greedy)
        assert len(other.predicted) == len(answer)


def test_a_shared_prompt_is_read_once(pairs: list[Pair]) -> None:
    torch.manual_seed(0)
    model = gpt2().eval()
    read = []
    model.transformer.wte.register_forward_hook(
        lambda _, inputs, __: read.append(inputs[0].numel())
    )
    with torch.no_grad():
        score_answers(model, pairs, tokens_per_batch=4096)
    # Two prompts of nine tokens, two of six, and one of five with its answer but the last token. Of the
    # other answers, what is behind the first token's prediction, padded to the longest of a batch.
    assert sum(read) == 2 * 9 + 2 * 6 + (5 + 1) + 2 * 2 + 3 * 3
