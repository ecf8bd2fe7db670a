"""The student's start: fresh, or inherited from the teacher."""

from collections.abc import Mapping
from typing import Any

from transformers import PretrainedConfig, PreTrainedModel

from core.errors import UserError, nearest
from core.models import new_model


def student_config(teacher: PretrainedConfig, changes: Mapping[str, Any]) -> PretrainedConfig:
    """The teacher's configuration with some sizes changed; raises UserError for an unknown one."""
    known = teacher.to_dict()
    for key in changes:
        if key not in known:
            raise UserError(
                f"student.{key}: {type(teacher).__name__} has no such size{nearest(key, known)}"
            )
    return type(teacher).from_dict({**known, **changes})


def fresh_student(
    teacher: PretrainedConfig, changes: Mapping[str, Any], seed: int
) -> PreTrainedModel:
    """A student that has seen nothing."""
    return new_model(student_config(teacher, changes), seed)


def inherited_student(
    teacher: PreTrainedModel, changes: Mapping[str, Any], seed: int
) -> PreTrainedModel:
    """A student that starts as the teacher; every tensor keeps its shape, except for fewer layers.

    With fewer layers, it takes the teacher's at even distances, the first and the last included. Raises
    UserError when another size differs.
    """
    student = new_model(student_config(teacher.config, changes), seed)
    kept = _even_layers(teacher.config.num_hidden_layers, student.config.num_hidden_layers)
    source = teacher.state_dict()
    weights = {}
    for name, tensor in student.state_dict().items():
        parts = name.split(".")
        at = parts.index("layers") + 1 if "layers" in parts else None
        if at is not None:
            parts[at] = str(kept[int(parts[at])])
        inherited = source.get(".".join(parts))
        if inherited is None or inherited.shape != tensor.shape:
            raise UserError(
                f"the student's {name} {tuple(tensor.shape)} has no counterpart in the teacher: "
                "only num_hidden_layers may differ for student.start=teacher; try student.start=fresh"
            )
        weights[name] = inherited.clone()
    student.load_state_dict(weights)
    return student


def _even_layers(num_teacher: int, num_student: int) -> list[int]:
    if num_student > num_teacher:
        raise UserError(
            f"student.num_hidden_layers={num_student} is more than the teacher's {num_teacher}"
        )
    if num_student == 1:
        return [0]
    return [round(i * (num_teacher - 1) / (num_student - 1)) for i in range(num_student)]
