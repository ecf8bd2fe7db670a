"""A step in which the student writes, beside one on text that is there and TRL's on-policy trainer."""

import pytest

from tests.bench.test_trl import N_STEPS, in_turns, losses_of, seconds

# The demo's model, and its batch: as many problems as 8 sequences of 128 tokens hold.
DEMO = {
    **{"vocab_size": 600, "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 2},
    **{"intermediate_size": 384, "max_position_embeddings": 512, "tie_word_embeddings": True},
    **{"bos_token_id": None, "eos_token_id": None, "pad_token_id": 0},
}
BATCH = {"batch": 24, "length": 44, "prompt": 18, "model": DEMO, "divergence": "jensen_shannon"}


def test_a_step_that_writes_beside_one_on_text(record) -> None:
    told = in_turns({"off": {"side": "ours"}, "on": {"side": "ours_on_policy"}}, **BATCH)
    on, off = (losses_of(told, name) for name in ("on", "off"))
    assert min(on) > 0 and on != off, "what the student writes isn't the text"
    record("on_policy_step_ratio", seconds(told["on"]) / seconds(told["off"]), "×", n=N_STEPS - 1)
    for name, steps in told.items():
        record(f"{name}_policy_step_seconds", seconds(steps), "s", n=N_STEPS - 1)


def test_a_step_that_writes_beside_trl(record) -> None:
    """The same models, prompts and numbers of written tokens; each side draws its own."""
    pytest.importorskip("trl", reason="to be compared with; make bench installs it")
    told = in_turns({"ours": {"side": "ours_on_policy"}, "trl": {"side": "trl_on_policy"}}, **BATCH)
    assert min(*losses_of(told, "ours"), *losses_of(told, "trl")) > 0
    ratio = seconds(told["trl"]) / seconds(told["ours"])
    record("on_policy_speed_ratio_trl", ratio, "×", n=N_STEPS - 1)
