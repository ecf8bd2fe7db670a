"""What a student is trained for, in one value."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from core.signal.divergence import Divergence, forward_kl
from core.signal.signal import Memory, Teacher
from core.training.regularizer import Regularizer
from core.training.student_author import StudentAuthor


@dataclass(frozen=True)
class Lesson:
    """The arguments that a `Distilling` trainer takes beside those of its Trainer; by default plain text.

    `label_weight` is the share of cross-entropy with the text in a token's loss, the rest is `divergence`
    from `teacher`. Tokens count by exp(−teacher's entropy) + `confidence_floor`; None: all alike. `author`
    lets the student write some of the batches.
    """

    teacher: Teacher | None = None
    memory_map: Memory | None = None
    regularizers: Sequence[Regularizer] = ()
    divergence: Divergence = forward_kl
    label_weight: float = 1.0
    confidence_floor: float | None = None
    author: StudentAuthor | None = None

    def arguments(self) -> dict[str, Any]:
        """The arguments by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


PLAIN_TEXT = Lesson()
