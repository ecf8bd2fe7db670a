from dataclasses import replace

import pytest
import torch

from evals.attacks.quantize import quantized_scores, round_to_nearest


@pytest.mark.parametrize(("bits", "group_size"), [(4, 32), (3, 20)])
def test_each_group_holds_few_levels_near_the_weights(model, bits, group_size):
    rounded = dict(round_to_nearest(model, bits, group_size).named_parameters())
    for name, weight in model.named_parameters():
        if weight.dim() == 1:
            assert torch.equal(rounded[name], weight)
            continue
        assert not torch.equal(rounded[name], weight)
        # 48 and 64 inputs don't divide by 20: the last group is smaller.
        groups = zip(weight.split(group_size, 1), rounded[name].split(group_size, 1), strict=True)
        for group, levels in groups:
            assert max(len(row.unique()) for row in levels) <= 2**bits
            step = group.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
            assert ((group - levels).abs() <= step / 2 + 1e-6).all()


def test_many_bits_change_nothing_to_speak_of(model):
    for weight, rounded in zip(
        model.parameters(), round_to_nearest(model, 16).parameters(), strict=True
    ):
        torch.testing.assert_close(weight, rounded, atol=1e-4, rtol=0)


def test_tied_weights_stay_tied_and_zeros_stay_zero(tokenizer, make_model):
    tied = make_model(len(tokenizer), tied=True)
    with torch.no_grad():
        tied.model.embed_tokens.weight[0] = 0
    rounded = round_to_nearest(tied)
    assert rounded.lm_head.weight is rounded.model.embed_tokens.weight
    assert not rounded.lm_head.weight[0].any()
    assert rounded.lm_head.weight.isfinite().all()


def test_scores_are_of_the_rounded_model(model, tokenizer, facts):
    probes = [*facts, replace(facts[0], id="v", axis="verbatim", chance=0.0)]
    scores = quantized_scores("core", model, tokenizer, probes)
    assert [(s.axis, s.family, s.metric, s.n) for s in scores] == [
        ("quantize_8bit", "recall", "accuracy", 8),
        ("quantize_8bit", "verbatim", "accuracy", 1),
        ("quantize_4bit", "recall", "accuracy", 8),
        ("quantize_4bit", "verbatim", "accuracy", 1),
    ]
    [score] = quantized_scores("core", model, tokenizer, facts, bits=[3])
    assert (score.axis, score.family) == ("quantize_3bit", "recall")
