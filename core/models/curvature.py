"""The loss-curvature edit: keep those directions of the MLPs that the loss feels at many tokens.

Merullo et al., arXiv 2510.24256. For an MLP matrix W (P × Q) with K-FAC factors A of its inputs and G of
its output gradients: G = U_G diag(λ) U_Gᵀ, A = U_A diag(μ) U_Aᵀ, C = U_Gᵀ W U_A. The pairs (i, j) with
the largest λ_i μ_j are kept until they hold a share ρ of Σ λμ: W′ = U_G (C ⊙ M) U_Aᵀ. They found that what
goes is recitation, most facts stay, and arithmetic suffers; so the directions that arithmetic text needs may
be kept too.
"""

import random
from collections.abc import Iterable, Iterator, Sequence

import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import PreTrainedModel

from core.errors import UserError, nearest
from core.models.kfac import Factors, PackedBatch, kronecker_factors

BATCH = 16  # sequences


@torch.no_grad()
def remove_low_curvature(
    model: PreTrainedModel,
    batches: Iterable[PackedBatch],
    *,
    rho: float,
    generator: torch.Generator,
    layers: Sequence[int] | None = None,
    matrices: Sequence[str] | None = None,
    protected: Iterable[PackedBatch] | None = None,
) -> None:
    """Leave a share `rho` of the curvature in the chosen MLP matrices, in place; 1 is all of it.

    Of each matrix one direction stays at the least. `batches` is ordinary text: (input ids, positions,
    labels), each (B, T); labels only say at which tokens the loss is looked at. `layers` are numbers and
    `matrices` names such as gate_proj; None is all. What the same share of the curvature of the text
    `protected` holds stays as well (the union of both). Raises UserError for a share outside [0, 1], for
    layers or matrices that the model hasn't, and without a taught token.
    """
    if not 0 <= rho <= 1:
        raise UserError(f"rho must lie between 0 and 1, not {rho}")
    chosen = mlp_matrices(model, layers, matrices)
    if rho < 1:
        found = kronecker_factors(model, chosen, batches, generator)
        too = {} if protected is None else kronecker_factors(model, chosen, protected, generator)
        for name, factors in found.items():
            weight_PQ = chosen[name].weight
            needed_by = [factors, *([too[name]] if name in too else [])]
            weight_PQ.copy_(united_part(weight_PQ.float(), needed_by, rho))


def batches_of(sequences: Dataset, count: int, seed: int) -> Iterator[PackedBatch]:
    """At most `count` packed sequences, drawn at random, as batches."""
    chosen = random.Random(seed).sample(range(len(sequences)), min(count, len(sequences)))
    columns = sequences.select(sorted(chosen)).with_format("torch")
    for at in range(0, len(chosen), BATCH):
        rows = columns[at : at + BATCH]
        yield rows["input_ids"], rows["position_ids"], rows["labels"]


def mlp_matrices(
    model: nn.Module, layers: Sequence[int] | None = None, matrices: Sequence[str] | None = None
) -> dict[str, nn.Linear]:
    """The linear maps in modules called `mlp`, by their dotted names. Raises UserError for missing ones."""
    found: dict[tuple[int, str], tuple[str, nn.Linear]] = {}
    for name, module in model.named_modules():
        *path, last = name.split(".")
        if isinstance(module, nn.Linear) and path[-1:] == ["mlp"]:
            layer = next((int(part) for part in path if part.isdigit()), 0)
            found[layer, last] = name, module
    if not found:
        raise UserError(
            f"{type(model).__name__} has no modules called mlp with linear maps in them: "
            "the curvature edit knows no others"
        )
    known_layers, known_matrices = {layer for layer, _ in found}, {last for _, last in found}
    for layer in layers or ():
        if layer not in known_layers:
            raise UserError(f"there is no layer {layer}: choose from 0 to {max(known_layers)}")
    for matrix in matrices or ():
        if matrix not in known_matrices:
            hint = nearest(matrix, known_matrices) or f"; {', '.join(sorted(known_matrices))}"
            raise UserError(f"there is no MLP matrix '{matrix}'{hint}")
    chosen = {
        name: module
        for (layer, last), (name, module) in found.items()
        if (layers is None or layer in layers) and (matrices is None or last in matrices)
    }
    if not chosen:
        raise UserError(f"no MLP matrix is chosen by layers={layers} and matrices={matrices}")
    return chosen


def united_part(weight_PQ: Tensor, needed_by: Iterable[Factors], rho: float) -> Tensor:
    """The part of a matrix (P, Q) that several texts need.

    That is the first text's part; of what it leaves out, the next text's part; and so on. Where their
    eigenvectors agree, it is the union of the masks.
    """
    kept_PQ = torch.zeros_like(weight_PQ)
    for factors in needed_by:
        kept_PQ = kept_PQ + high_curvature_part(weight_PQ - kept_PQ, factors, rho)
    return kept_PQ


def high_curvature_part(weight_PQ: Tensor, factors: Factors, rho: float) -> Tensor:
    """What is left of a matrix (P, Q) of its directions with the least curvature: the W′ above."""
    lambda_P, out_PP = torch.linalg.eigh(_scaled(factors.gradients_PP))
    mu_Q, in_QQ = torch.linalg.eigh(_scaled(factors.inputs_QQ))
    curvature = torch.outer(lambda_P.clamp(min=0), mu_Q.clamp(min=0)).flatten()
    order = curvature.argsort(descending=True, stable=True)
    held = curvature[order].cumsum(0)
    num_kept = int((held < rho * held[-1]).sum()) + 1
    kept = torch.zeros_like(curvature)
    kept[order[:num_kept]] = 1
    coordinates_PQ = out_PP.T @ weight_PQ @ in_QQ
    return out_PP @ (coordinates_PQ * kept.view_as(weight_PQ)) @ in_QQ.T


def _scaled(factor: Tensor) -> Tensor:
    """Of trace 1, since gradients may be so small that their products vanish in float32."""
    return factor / factor.trace().clamp(min=torch.finfo(factor.dtype).tiny)
