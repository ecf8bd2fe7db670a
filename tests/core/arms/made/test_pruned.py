import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from core.arms.pruned import prune
from core.errors import UserError

IDS = torch.arange(2, 14).reshape(2, 6)


def test_half_of_the_units_go_and_the_rest_is_the_teachers(material):
    given = material()
    pruned = prune(given, share=0.5)
    old, new = given.teacher.state_dict(), pruned.state_dict()
    assert pruned.config.intermediate_size == given.teacher.config.intermediate_size // 2
    assert pruned.num_parameters() < given.teacher.num_parameters()
    for name, weight in new.items():
        assert ("mlp" in name) == (weight.shape != old[name].shape)
        if "mlp" not in name:
            assert torch.equal(weight, old[name])


def test_units_that_do_nothing_go_first(material):
    given = material()
    expected = given.teacher(IDS).logits
    with torch.no_grad():
        for number, layer in enumerate(given.teacher.model.layers):
            layer.mlp.down_proj.weight[:, number::2] = 0
    idle = given.teacher(IDS).logits
    assert not torch.allclose(idle, expected)
    torch.testing.assert_close(prune(given, share=0.5)(IDS).logits, idle)
    torch.testing.assert_close(prune(given, share=1.0)(IDS).logits, idle)


def test_what_cannot_be_pruned_is_told(material):
    with pytest.raises(UserError, match="choose one above 0 and up to 1"):
        prune(material(), share=0.0)
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=9, n_embd=8, n_layer=1, n_head=1))
    with pytest.raises(UserError, match="GPT2LMHeadModel has no MLPs of gate_proj"):
        prune(material(teacher=gpt2))
