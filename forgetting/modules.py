"""The parts of a student that regularizers reach into: its MLPs, its layers, its token embeddings."""

from torch import Tensor, nn
from transformers import PreTrainedModel

from core.errors import UserError


def mlps(student: PreTrainedModel, regularizer: str) -> list[nn.Module]:
    """Its MLPs in order: the modules named `mlp` that hold linear layers.

    Raises UserError, in the name of `regularizer`, when there is none.
    """
    found = [
        module
        for name, module in student.named_modules()
        if name.rsplit(".", 1)[-1] == "mlp" and linears(module)
    ]
    if not found:
        raise UserError(
            f"{regularizer}: {type(student).__name__} has no module `mlp` made of linear layers; "
            "leave it out of `forgetting`, or take a Llama-like model"
        )
    return found


def linears(mlp: nn.Module) -> list[nn.Linear]:
    """The linear layers directly in an MLP; the last one writes to the residual stream."""
    return [child for child in mlp.children() if isinstance(child, nn.Linear)]


def layers(student: PreTrainedModel, regularizer: str) -> list[nn.Module]:
    """Its decoder layers in order; raises UserError, in the name of `regularizer`, without any."""
    found = getattr(student.base_model, "layers", None)
    if not isinstance(found, nn.ModuleList) or not len(found):
        raise UserError(
            f"{regularizer}: {type(student).__name__} has no list of decoder layers named `layers`; "
            "leave it out of `forgetting`, or take a Llama-like model"
        )
    return list(found)


def token_embeddings(student: PreTrainedModel) -> list[Tensor]:
    """Its input embeddings (V, D), and its output embeddings where these are others."""
    found: list[Tensor] = []
    for module in (student.get_input_embeddings(), student.get_output_embeddings()):
        weight = getattr(module, "weight", None)
        if weight is not None and not any(weight is one for one in found):
            found.append(weight)
    return found
