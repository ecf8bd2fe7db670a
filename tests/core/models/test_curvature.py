"""What is kept of a matrix is what the loss feels most."""

import copy

import pytest
import torch
from transformers import GPT2Config

from core.errors import UserError
from core.models.curvature import (
    high_curvature_part,
    mlp_matrices,
    remove_low_curvature,
    united_part,
)
from core.models.kfac import Factors, PackedBatch
from core.models.loading import new_model


@pytest.fixture
def batches() -> list[PackedBatch]:
    ids = torch.randint(2, 300, (6, 24), generator=torch.Generator().manual_seed(0))
    positions = torch.arange(24).expand(6, -1)
    return [(ids, positions, ids.masked_fill(positions == 0, -100))]


def edited(model, batches: list[PackedBatch], **options):
    copied = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(0)
    remove_low_curvature(copied, batches, generator=generator, **options)
    return copied


def random_factors(num_out: int, num_in: int) -> tuple[torch.Tensor, Factors]:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(50, num_in, generator=generator)
    g = torch.randn(50, num_out, generator=generator) * 1e-6  # gradients are small
    return torch.randn(num_out, num_in, generator=generator), Factors(a.T @ a / 50, g.T @ g / 50)


@pytest.mark.parametrize("rho", [0.2, 0.6, 0.95])
def test_it_is_the_projection_on_the_top_of_the_kronecker_product(rho: float) -> None:
    """G ⊗ A has the eigenvalues λ_i μ_j; what is kept lies in the span of the largest."""
    weight, factors = random_factors(4, 3)
    curvature = torch.kron(factors.gradients_PP * 1e12, factors.inputs_QQ)
    values, vectors = torch.linalg.eigh(curvature)
    values, vectors = values.flip(0), vectors.flip(1)
    kept = int((values.cumsum(0) < rho * values.sum()).sum()) + 1
    assert 0 < kept < 12
    expected = vectors[:, :kept] @ (vectors[:, :kept].T @ weight.flatten())
    found = high_curvature_part(weight, factors, rho)
    torch.testing.assert_close(found.flatten(), expected, atol=1e-4, rtol=1e-4)


def test_the_more_is_kept_the_nearer_it_stays() -> None:
    weight, factors = random_factors(12, 9)
    gone = [
        float((weight - high_curvature_part(weight, factors, rho)).norm())
        for rho in (0.1, 0.5, 0.9, 1.0)
    ]
    assert gone == sorted(gone, reverse=True) and gone[0] > 1.5 * gone[2] > 0


def test_only_the_chosen_matrices_change(make_llama, batches: list[PackedBatch]) -> None:
    model = make_llama()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    part = edited(model, batches, rho=0.5, layers=[1], matrices=["gate_proj", "down_proj"])
    changed = {n for n, value in part.state_dict().items() if not torch.equal(value, before[n])}
    expected = {f"model.layers.1.mlp.{name}.weight" for name in ("gate_proj", "down_proj")}
    assert changed == expected
    assert type(part) is type(model)
    everything = edited(model, batches, rho=0.5).state_dict()
    changed = {name for name, value in everything.items() if not torch.equal(value, before[name])}
    assert changed == {f"{name}.weight" for name in mlp_matrices(model)} and len(changed) == 6


def test_all_of_the_curvature_is_all_of_the_model(make_llama, batches: list[PackedBatch]) -> None:
    model = make_llama()
    same = edited(model, batches, rho=1.0).state_dict()
    assert all(torch.equal(value, same[name]) for name, value in model.state_dict().items())


def test_the_loss_feels_what_is_removed_less_than_as_much_of_what_is_kept(
    make_llama,
) -> None:
    """The edit against one of the same size in other directions: the removed part, turned around.

    On text of five words, which leaves most directions of the inputs without curvature.
    """
    model = make_llama()
    ids = torch.randint(2, 7, (6, 24), generator=torch.Generator().manual_seed(0))
    positions = torch.arange(24).expand(6, -1)
    batches = [(ids, positions, ids.masked_fill(positions == 0, -100))]

    def said(other) -> torch.Tensor:
        with torch.no_grad():
            return other(input_ids=ids, position_ids=positions).logits.log_softmax(-1)

    def divergence(other) -> float:
        own = said(model)
        return float((own.exp() * (own - said(other))).sum(-1).mean())

    matrices = {"layers": [0], "matrices": ["up_proj"]}
    least = edited(model, batches, rho=0.9, **matrices)
    name = "model.layers.0.mlp.up_proj.weight"
    gone = model.state_dict()[name] - least.state_dict()[name]
    turned = edited(model, batches, rho=1.0)
    generator = torch.Generator().manual_seed(1)
    rotation = torch.linalg.qr(torch.randn(16, 16, generator=generator))[0]
    turned.state_dict()[name].sub_(gone @ rotation)
    assert 0 < divergence(least) < 0.5 * divergence(turned)


def test_what_it_cannot_do_is_said(make_llama, batches: list[PackedBatch]) -> None:
    model = make_llama()
    for options, said in (
        ({"rho": -0.1}, "rho must lie between 0 and 1"),
        ({"rho": 1.5}, "rho must lie between 0 and 1"),
        ({"rho": 0.5, "layers": [2]}, "there is no layer 2: choose from 0 to 1"),
        ({"rho": 0.5, "matrices": ["gate_prj"]}, "did you mean 'gate_proj'"),
        ({"rho": 0.5, "layers": []}, "no MLP matrix is chosen"),
    ):
        with pytest.raises(UserError, match=said):
            edited(model, batches, **options)
    other = new_model(GPT2Config(vocab_size=300, n_embd=16, n_layer=1, n_head=2), 0)
    with pytest.raises(UserError, match="GPT2LMHeadModel has no modules called mlp with linear"):
        edited(other, batches, rho=0.5)


def test_two_texts_that_need_the_same_directions_keep_the_union() -> None:
    """With the eigenvectors of both the axes, what is kept is what either mask keeps."""
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    needs_rows = Factors(torch.eye(4), torch.diag(torch.tensor([1.0, 1e-4, 1e-6])))
    needs_columns = Factors(torch.diag(torch.tensor([1.0, 1e-4, 1e-6, 1e-8])), torch.eye(3))
    kept = united_part(weight, [needs_rows, needs_columns], 0.9)
    expected = torch.zeros(3, 4)
    expected[0], expected[:, 0] = weight[0], weight[:, 0]
    torch.testing.assert_close(kept, expected, atol=1e-5, rtol=1e-5)


def test_what_is_protected_is_felt_less(make_llama, batches: list[PackedBatch]) -> None:
    """The outputs on protected text stay nearer to the model's own than without protection."""
    ids = torch.arange(2, 26).repeat(6, 1)  # nothing like the other text
    other = (ids, batches[0][1], ids.masked_fill(batches[0][1] == 0, -100))
    model = make_llama()

    @torch.no_grad()
    def moved(edited_model) -> float:
        return float((edited_model(ids).logits - model(ids).logits).norm())

    chosen = {"rho": 0.9, "layers": [1], "matrices": ["down_proj"]}
    bare, safe = (
        edited(model, batches, **chosen),
        edited(model, batches, **chosen, protected=[other]),
    )
    assert moved(safe) < 0.6 * moved(bare)
