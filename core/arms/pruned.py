"""The teacher with fewer MLP units, untrained: what mere smallness forgets."""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from core.arms.maker import Material
from core.errors import UserError
from core.models import new_model

MATRICES = ("gate_proj", "up_proj", "down_proj")


@torch.no_grad()
def prune(material: Material, *, share: float = 0.5) -> PreTrainedModel:
    """A smaller model of the same kind that keeps `share` of the teacher's MLP units, layer by layer.

    A unit's importance is the product of the norms of what it reads (gate and up) and writes (down). After
    arXiv 2310.04680, where pruning takes recall long before it takes what is read in context. Raises
    UserError for a share outside (0, 1] and for a teacher whose MLPs aren't gated as Llama's are.
    """
    if not 0 < share <= 1:
        raise UserError(f"arms.pruned.made_by.share={share}: choose one above 0 and up to 1")
    teacher = material.teacher
    width = getattr(teacher.config, "intermediate_size", 0)
    mlps = {
        name: module
        for name, module in teacher.named_modules()
        if all(isinstance(getattr(module, matrix, None), nn.Linear) for matrix in MATRICES)
    }
    if not mlps or any(mlp.down_proj.in_features != width for mlp in mlps.values()):
        raise UserError(
            f"pruned: {type(teacher).__name__} has no MLPs of gate_proj, up_proj and down_proj; "
            "leave it out of `arms`, or take a Llama-like teacher"
        )
    num_kept = max(1, round(share * width))
    weights = teacher.state_dict()
    for name, mlp in mlps.items():
        kept_K = _importance(mlp).topk(num_kept).indices.sort().values
        for matrix in MATRICES:
            dim = 1 if matrix == "down_proj" else 0
            for part in ("weight", "bias") if dim == 0 else ("weight",):
                key = f"{name}.{matrix}.{part}"
                if key in weights:
                    weights[key] = weights[key].index_select(dim, kept_K)
    changes = {**teacher.config.to_dict(), "intermediate_size": num_kept}
    pruned = new_model(type(teacher.config).from_dict(changes), material.seed)
    pruned.load_state_dict(weights)
    return pruned


def _importance(mlp: nn.Module) -> Tensor:
    """Of each unit: (intermediate_size,)."""
    gate, up, down = (getattr(mlp, matrix).weight for matrix in MATRICES)
    return gate.norm(dim=1) * up.norm(dim=1) * down.norm(dim=0)
