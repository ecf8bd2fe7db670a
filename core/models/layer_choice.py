"""Which layers a smaller model keeps: the most important ones that it can have at their new places.

Shape suffix: L layers.
"""

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PretrainedConfig

from core.errors import UserError
from core.models.cut import layers_of, most_important, resized


def chosen_layers(config: PretrainedConfig, importance_L: Tensor, num_kept: int) -> list[int]:
    """The numbers of the layers that stay, in order: the most important ones that can be the smaller model's.

    Some architectures have layers of several kinds, by their number: the first dense and the others of
    experts, say. A layer can only become one that is built alike. Raises UserError where there is no choice.
    """
    best = most_important(importance_L, num_kept)
    sizes = {"num_hidden_layers": num_kept}
    kinds = _kinds(config)
    if _kinds(resized(config, sizes, best)) == [kinds[number] for number in best]:
        return best
    places = _kinds(resized(config, sizes, list(range(num_kept))))
    # By place: the best choice for the places up to it, among the layers up to each number.
    chosen: list[tuple[float, list[int]] | None] = [(0.0, [])] * (len(kinds) + 1)
    for place in places:
        ends: list[tuple[float, list[int]] | None] = [None]
        for number, kind in enumerate(kinds):
            before, own = chosen[number], ends[-1]
            if before is not None and kind == place:
                taken = before[0] + float(importance_L[number]), [*before[1], number]
                own = taken if own is None else max(own, taken)
            ends.append(own)
        chosen = ends
    if chosen[-1] is None:
        raise UserError(
            f"{type(config).__name__} has layers of several kinds, and {num_kept} of them don't make a "
            "smaller model of the same kind: choose another student.num_hidden_layers, or student.start=fresh"
        )
    return chosen[-1][1]


def _kinds(config: PretrainedConfig) -> list[list[tuple[str, str, tuple[int, ...]]]]:
    """What each layer is built of: names, modules and shapes of its parts, without weights."""
    with torch.device("meta"):
        _, layers = layers_of(AutoModelForCausalLM.from_config(config))
    return [
        [
            (name, type(module).__name__, tuple(weight.shape))
            for name, module in layer.named_modules()
            for weight in module.parameters(recurse=False)
        ]
        for layer in layers
    ]
