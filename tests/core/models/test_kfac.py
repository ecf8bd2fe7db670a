"""Curvature factors are those of the definition, and cost the model nothing."""

from collections import Counter

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from core.errors import UserError
from core.models.kfac import PackedBatch, kronecker_factors, sample

MAP = "model.layers.0.mlp.up_proj"


@pytest.fixture
def batches() -> list[PackedBatch]:
    """Two rows in one sequence, then one with padding behind it."""
    ids = torch.arange(10, 22).view(2, 6)
    positions = torch.tensor([[0, 1, 2, 0, 1, 2], [0, 1, 2, 3, 0, 0]])
    labels = ids.masked_fill(positions == 0, -100)
    return [(ids[:1], positions[:1], labels[:1]), (ids[1:], positions[1:], labels[1:])]


def by_definition(model: PreTrainedModel, batch: PackedBatch, generator: torch.Generator) -> tuple:
    """Inputs and output gradients of `MAP` at each position, by hooks on a full backward pass."""
    ids, positions, labels = batch
    noted: dict[str, Tensor] = {}
    module = model.get_submodule(MAP)
    hooks = [
        module.register_forward_hook(lambda _, args, out: noted.update(a=args[0][0].detach())),
        module.register_full_backward_hook(lambda _, gin, gout: noted.update(g=gout[0][0])),
    ]
    logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits[0, :-1]
    asked = labels[0, 1:] >= 0
    said = sample(logits[asked].detach(), generator)
    torch.nn.functional.cross_entropy(logits[asked], said, reduction="sum").backward()
    for hook in hooks:
        hook.remove()
    # A row's last position predicts nothing, nor does padding.
    last = torch.cat([positions[0, 1:] == 0, torch.tensor([True])])
    return noted["a"][~last], noted["g"][~last]


def test_the_factors_are_those_of_the_definition(make_llama, batches: list[PackedBatch]) -> None:
    model = make_llama()
    generator = torch.Generator().manual_seed(3)
    parts = [by_definition(model, batch, generator) for batch in batches]
    a, g = (torch.cat(part) for part in zip(*parts, strict=True))
    model.zero_grad()
    maps = {MAP: model.get_submodule(MAP)}
    found = kronecker_factors(model, maps, batches, torch.Generator().manual_seed(3))[MAP]
    torch.testing.assert_close(found.inputs_QQ, a.T @ a / len(a))
    torch.testing.assert_close(found.gradients_PP, g.T @ g / len(g))
    assert found.inputs_QQ.shape == (16, 16) and found.gradients_PP.shape == (32, 32)


def test_a_frozen_model_will_do_and_stays_as_it_was(make_llama, batches: list[PackedBatch]) -> None:
    model = make_llama()
    maps = {MAP: model.get_submodule(MAP)}
    expected = kronecker_factors(model, maps, batches, torch.Generator().manual_seed(0))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.requires_grad_(False)
    with torch.no_grad():
        found = kronecker_factors(model, maps, batches, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found[MAP].gradients_PP, expected[MAP].gradients_PP)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert not maps[MAP]._forward_hooks


def test_labels_say_where_and_not_what(make_llama, batches: list[PackedBatch]) -> None:
    model = make_llama()
    maps = {MAP: model.get_submodule(MAP)}
    others = [(ids, at, torch.where(labels >= 0, 7, labels)) for ids, at, labels in batches]
    one, two = (
        kronecker_factors(model, maps, text, torch.Generator().manual_seed(0))[MAP]
        for text in (batches, others)
    )
    assert torch.equal(one.gradients_PP, two.gradients_PP)


def test_text_without_a_taught_token_is_refused(make_llama, batches: list[PackedBatch]) -> None:
    model = make_llama()
    silent = [(ids, at, torch.full_like(labels, -100)) for ids, at, labels in batches]
    with pytest.raises(UserError, match="taught"):
        kronecker_factors(model, {MAP: model.get_submodule(MAP)}, silent, torch.Generator())


def test_samples_follow_the_distribution() -> None:
    probabilities = torch.tensor([0.0, 0.5, 0.2, 0.3, 0.0])
    found = sample(probabilities.log().expand(20_000, -1), torch.Generator().manual_seed(0))
    counts = Counter(found.tolist())
    assert set(counts) == {1, 2, 3}, "what can't be said isn't"
    for token, count in counts.items():
        assert count / 20_000 == pytest.approx(float(probabilities[token]), abs=0.02)
