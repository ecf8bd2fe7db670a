"""The student's start: nothing, or the teacher's weights."""

from collections.abc import Callable, Iterator

import pytest
import torch
from datasets import Dataset
from transformers import (
    Gemma3Config,
    Glm4MoeConfig,
    GPT2Config,
    ModernBertDecoderConfig,
    PretrainedConfig,
)

from core.errors import UserError
from core.models.curvature import batches_of
from core.models.kfac import PackedBatch
from core.models.layer_choice import chosen_layers
from core.models.loading import new_model
from core.models.student import check_inherits, fresh_student, inherited_student


@pytest.fixture
def batches(sequences: Dataset) -> Callable[[], Iterator[PackedBatch]]:
    return lambda: batches_of(sequences, 8, seed=0)


def unread() -> Iterator[PackedBatch]:
    raise AssertionError("no text is read")


def test_a_fresh_student_has_the_asked_sizes_and_nothing_of_the_teacher(make_llama) -> None:
    teacher = make_llama(seed=5)
    student = fresh_student(teacher.config, {"num_hidden_layers": 1, "hidden_size": 8}, seed=5)
    assert student.config.num_hidden_layers == 1 and student.config.hidden_size == 8
    assert teacher.config.num_hidden_layers == 2, "the teacher's own is left alone"
    same, other = (fresh_student(teacher.config, {}, seed=s).state_dict() for s in (3, 4))
    again = fresh_student(teacher.config, {}, seed=3).state_dict()
    assert all(torch.equal(same[name], again[name]) for name in same)
    assert not torch.equal(same["lm_head.weight"], other["lm_head.weight"])


def test_the_random_state_is_left_alone(make_llama) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    fresh_student(make_llama().config, {}, seed=9)
    assert torch.equal(torch.rand(3), expected)


def test_an_inherited_student_is_the_teacher_to_the_bit_and_shares_no_memory(make_llama) -> None:
    teacher = make_llama()
    same = {"num_hidden_layers": 2, "intermediate_size": 32, "hidden_size": 16}
    for changes in ({}, same):
        student = inherited_student(teacher, changes, 1, unread)
        assert type(student) is type(teacher)
        for name, weight in teacher.state_dict().items():
            assert torch.equal(student.state_dict()[name], weight)
    with torch.no_grad():
        student.lm_head.weight.zero_()
    assert teacher.lm_head.weight.any()


def test_the_important_stays_otherwise(make_llama, batches) -> None:
    teacher = make_llama(num_hidden_layers=4)
    with torch.no_grad():
        for number in (0, 2):
            for matrix in ("self_attn.o_proj", "mlp.down_proj"):
                teacher.model.layers[number].get_submodule(matrix).weight.mul_(1e-3)
        for number in (1, 3):
            teacher.model.layers[number].mlp.down_proj.weight[:, :24] = 0
    changes = {"num_hidden_layers": 2, "intermediate_size": 8}
    student = inherited_student(teacher, changes, 1, batches)
    for own, from_ in enumerate((1, 3)):
        kept, whole = student.model.layers[own], teacher.model.layers[from_]
        assert torch.equal(kept.self_attn.q_proj.weight, whole.self_attn.q_proj.weight)
        assert torch.equal(kept.mlp.up_proj.weight, whole.mlp.up_proj.weight[24:])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_hidden_layers": 3}, "num_hidden_layers=3 is more than the teacher's 2"),
        ({"intermediate_size": 33}, "intermediate_size=33 is more than the teacher's 32"),
        ({"intermediate_size": 0}, "intermediate_size=0 is not a part of the teacher's 32"),
        ({"hidden_size": 8}, "hidden_size=8 has no counterpart in the teacher, whose is 16"),
        ({"hiden_size": 8}, "did you mean 'hidden_size'?"),
    ],
)
def test_what_cannot_be_inherited_is_refused(make_llama, changes: dict, said: str) -> None:
    with pytest.raises(UserError) as caught:
        inherited_student(make_llama(), changes, 1, unread)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_fresh_student_refuses_an_unknown_size(make_llama) -> None:
    with pytest.raises(UserError, match=r"student\.num_layers: LlamaConfig has no such size"):
        fresh_student(make_llama().config, {"num_layers": 8}, seed=0)


SIZES = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 24,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.3,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 1,
}
FIRST_DENSE = Glm4MoeConfig(
    **SIZES,
    **{"first_k_dense_replace": 1, "moe_intermediate_size": 16, "n_routed_experts": 4},
    num_experts_per_tok=2,
)
READS_PICTURES = Gemma3Config(
    text_config={**SIZES, "sliding_window": 4},
    vision_config={
        **{"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 4},
        **{"num_attention_heads": 2, "image_size": 16, "patch_size": 8},
    },
)
WITH_A_DECODER_AT_ITS_END = ModernBertDecoderConfig(
    **{k: v for k, v in SIZES.items() if k not in ("num_key_value_heads", "head_dim")},
    **{"cls_token_id": 0, "sep_token_id": 0},
)


def test_a_layer_only_becomes_one_that_is_built_alike() -> None:
    """The first one is dense and stays the first, however unimportant it is."""
    assert chosen_layers(FIRST_DENSE, torch.tensor([0.0, 1.0, 3.0, 2.0]), 2) == [0, 2]
    assert chosen_layers(FIRST_DENSE, torch.tensor([4.0, 1.0, 2.0, 3.0]), 3) == [0, 2, 3]


@pytest.mark.parametrize("config", [FIRST_DENSE, READS_PICTURES, WITH_A_DECODER_AT_ITS_END])
@torch.no_grad()
def test_layers_of_several_kinds_are_cut_as_the_whole_without_them(
    config: PretrainedConfig, batches
) -> None:
    teacher = new_model(config, 0).eval()
    layers = teacher.get_submodule(
        "model.language_model.layers" if config is READS_PICTURES else "model.layers"
    )
    # Two layers hand on what they get, nearly; so they are the ones to go.
    for number in (1, 2):
        for name, weight in layers[number].named_parameters():
            if any(part in name for part in ("o_proj", "down_proj", "Wo", "out_proj")):
                weight.mul_(1e-4)
    changes = {"num_hidden_layers": 2}
    check_inherits(teacher, changes, seed=1)
    student = inherited_student(teacher, changes, 1, batches).eval()
    assert student.config.get_text_config().num_hidden_layers == 2
    assert student(torch.tensor([[5, 6, 7]])).logits.isfinite().all()


def by_number() -> PretrainedConfig:
    return GPT2Config(
        **{"vocab_size": 320, "n_embd": 32, "n_layer": 3, "n_head": 2},
        **{"initializer_range": 0.3, "scale_attn_by_inverse_layer_idx": True},
    )


def test_a_cut_that_would_say_something_else_is_refused_before_any_work() -> None:
    with pytest.raises(
        UserError, match=r"GPT2LMHeadModel can't be cut to layers \[1, 2\]"
    ) as caught:
        check_inherits(new_model(by_number(), 0).eval(), {"num_hidden_layers": 2}, seed=0)
    assert "\n" not in str(caught.value)


def test_a_size_that_an_architecture_cannot_have_is_one_line() -> None:
    config = GPT2Config(**{"vocab_size": 320, "n_embd": 32, "n_layer": 2, "n_head": 2})
    with pytest.raises(UserError, match="student: GPT2Config can't have") as caught:
        fresh_student(config, {"num_hidden_layers": "two"}, seed=0)
    assert "\n" not in str(caught.value)
