"""The student's start: fresh, or cut from the teacher."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from transformers import PretrainedConfig, PreTrainedModel

from core.errors import UserError
from core.models.cut import (
    check_names,
    cut,
    gated_mlps,
    layer_importance,
    layers_of,
    most_important,
    resized,
    unit_importance,
)
from core.models.kfac import PackedBatch
from core.models.layer_choice import chosen_layers
from core.models.loading import new_model

CUT = ("num_hidden_layers", "intermediate_size")
IMPORTANCE_SEQUENCES = 64  # sequences of the corpus that tell what is important


def fresh_student(
    teacher: PretrainedConfig, changes: Mapping[str, Any], seed: int
) -> PreTrainedModel:
    """A student that has seen nothing."""
    return new_model(resized(teacher, changes), seed)


def inherited_student(
    teacher: PreTrainedModel,
    changes: Mapping[str, Any],
    seed: int,
    batches: Callable[[], Iterable[PackedBatch]],
) -> PreTrainedModel:
    """A student that starts as the teacher, or as a cut of it: fewer layers, narrower MLPs.

    The units and layers that stay are the most important on the text that `batches` gives, anew at each
    call (core/models/cut.py). Where nothing is cut, no text is read. Raises UserError for a size that can't
    be cut, or that is larger than the teacher's.
    """
    cuts = _cuts(teacher, changes)
    kept_layers = kept_units = None
    if (num_kept := cuts.get("num_hidden_layers")) is not None:
        importance_L = layer_importance(teacher, batches())
        kept_layers = chosen_layers(teacher.config, importance_L, num_kept)
    if (num_kept := cuts.get("intermediate_size")) is not None:
        kept_units = {
            name: most_important(importance_K, num_kept)
            for name, importance_K in unit_importance(teacher, batches()).items()
        }
    return cut(teacher, kept_layers=kept_layers, kept_units=kept_units, seed=seed)


def check_inherits(teacher: PreTrainedModel, changes: Mapping[str, Any], seed: int) -> None:
    """Raise UserError where `inherited_student` would, or where its cut would give other logits, for any
    text.

    It is tried with the last layers and units, most of which get another place.
    """
    cuts = _cuts(teacher, changes)
    kept_layers = kept_units = None
    if (num_kept := cuts.get("num_hidden_layers")) is not None:
        _, layers = layers_of(teacher)
        kept_layers = chosen_layers(teacher.config, torch.arange(len(layers)), num_kept)
    if (num_kept := cuts.get("intermediate_size")) is not None:
        kept_units = {
            name: list(range(mlp.down_proj.in_features))[-num_kept:]
            for name, mlp in gated_mlps(teacher).items()
        }
    if cuts:
        cut(teacher, kept_layers=kept_layers, kept_units=kept_units, seed=seed)


def _cuts(teacher: PreTrainedModel, changes: Mapping[str, Any]) -> dict[str, int]:
    """The sizes that differ from the teacher's. Raises UserError for one that can't be cut, or is larger."""
    config = teacher.config.get_text_config()
    check_names(config, changes)
    for key, value in changes.items():
        own = getattr(config, key)
        if key in CUT and not 1 <= value <= own:
            more = "more than" if value > own else "not a part of"
            raise UserError(f"student.{key}={value} is {more} the teacher's {own}")
        if key not in CUT and value != own:
            raise UserError(
                f"student.{key}={value} has no counterpart in the teacher, whose is {own}: only "
                f"{' and '.join(CUT)} may be cut for student.start=teacher; try student.start=fresh"
            )
    return {key: value for key, value in changes.items() if value != getattr(config, key)}
