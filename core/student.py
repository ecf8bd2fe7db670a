"""The student's start: fresh, or cut from the teacher."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from transformers import PretrainedConfig, PreTrainedModel

from core.cut import cut, layer_importance, most_important, resized, unit_importance
from core.errors import UserError
from core.kfac import Batch
from core.models import new_model

CUT = ("num_hidden_layers", "intermediate_size")
MEASURED = 64  # sequences of the corpus that tell what is important


def fresh_student(
    teacher: PretrainedConfig, changes: Mapping[str, Any], seed: int
) -> PreTrainedModel:
    """A student that has seen nothing."""
    return new_model(resized(teacher, changes), seed)


def inherited_student(
    teacher: PreTrainedModel,
    changes: Mapping[str, Any],
    seed: int,
    batches: Callable[[], Iterable[Batch]],
) -> PreTrainedModel:
    """A student that starts as the teacher, or as a cut of it: fewer layers, narrower MLPs.

    The units and layers that stay are the most important on the text that `batches` gives, anew at each
    call (core/cut.py). Where nothing is cut, no text is read. Raises UserError for a size that can't be cut,
    or that is larger than the teacher's.
    """
    config = teacher.config
    resized(config, changes)  # names a size that there isn't
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
    cuts = {key: value for key, value in changes.items() if value != getattr(config, key)}
    kept_layers = kept_units = None
    if (num_kept := cuts.get("num_hidden_layers")) is not None:
        kept_layers = most_important(layer_importance(teacher, batches()), num_kept)
    if (num_kept := cuts.get("intermediate_size")) is not None:
        kept_units = {
            name: most_important(importance_K, num_kept)
            for name, importance_K in unit_importance(teacher, batches()).items()
        }
    return cut(teacher, kept_layers=kept_layers, kept_units=kept_units, seed=seed)
