"""Forgetting inside a user's own `transformers.Trainer`, or any subclass of it, such as TRL's."""

from typing import Any

import torch
from transformers import PreTrainedModel

from core.errors import UserError
from core.models.gate import check_plain_head
from core.models.taught import projection_of
from core.signal.live import LiveTeacher
from core.signal.row_memory import RowMemory
from core.signal.signal import Teacher
from core.training.distiller import Distilling
from core.training.regularizer import Regularizer


class ForgettingMixin(Distilling):
    """A trainer that distils its student under forgetting: ``class Mine(ForgettingMixin, SFTTrainer): pass``.

    The loss is `Distilling`'s; data, optimizer, callbacks and logs are those of the other class. Rows are
    given as any causal language model's: `input_ids` and `labels`, padded or packed. `train` prepares the
    student for its regularizers, trains, and folds what they have added, so that `save_model` writes a stock
    model. Every random draw is seeded by `args.seed` and the step, so that a resumed run ends as an
    uninterrupted one does.
    """

    def __init__(
        self,
        *args: Any,
        teacher: Teacher | PreTrainedModel | None = None,
        temperature: float = 1.0,
        label_weight: float = 0.5,
        memory_map: RowMemory | None = None,
        **kwargs: Any,
    ):
        """Set up the other trainer, and check that teacher, map and regularizers fit together.

        Args:
            *args: the other trainer's.
            teacher: a model with the student's vocabulary, or a source of its distributions; None: the
                text alone teaches.
            temperature: of a teacher that is a model.
            label_weight: the share of cross-entropy with the text in a token's loss; without a teacher it
                is all of it.
            memory_map: the memory scores of the rows' tokens, for regularizers that need them.
            **kwargs: the other trainer's, and `Distilling`'s: `regularizers`, `divergence` and
                `confidence_floor`.

        Raises:
            UserError: the teacher has another vocabulary, or a regularizer lacks something that it needs.
        """
        if isinstance(teacher, PreTrainedModel):
            teacher = LiveTeacher(teacher, temperature)
        super().__init__(
            *args, teacher=teacher, label_weight=label_weight, memory_map=memory_map, **kwargs
        )
        check_plain_head(self._student, "the student")
        if isinstance(teacher, LiveTeacher):
            check_plain_head(teacher.model, "the teacher")
            rows = len(projection_of(teacher.model).weight)  # type: ignore[arg-type]
            if rows != self.vocab_size:
                raise UserError(
                    f"the teacher has {rows} tokens and the student {self.vocab_size}: "
                    "they need the same tokenizer"
                )
        for regularizer in self.regularizers:
            self._check(regularizer, memory_map)
        self._is_prepared = self._is_folded = False

    def _check(self, regularizer: Regularizer, memory_map: RowMemory | None) -> None:
        name = type(regularizer).__name__
        if regularizer.needs_memory_map and memory_map is None:
            raise UserError(f"{name} needs a memory_map: RowMemory.of_map or RowMemory.of_scores")
        if regularizer.needs_reference and memory_map is not None and not memory_map.has_reference:
            raise UserError(
                f"{name} teaches what a model that never saw the text would say, and bare scores don't tell: "
                "take the map that `winnow map` makes, or span_dropout"
            )
        if regularizer.has_own_reading and not isinstance(self.teacher, LiveTeacher):
            raise UserError(
                f"{name} lets the teacher read something else than the rows: give a model as the teacher"
            )
        reads_corpus = regularizer.overrides("read_corpus")
        columns = getattr(self.train_dataset, "column_names", None) or []
        if reads_corpus and ("position_ids" not in columns or self.processing_class is None):
            raise UserError(
                f"{name} looks at the corpus first, in packed sequences with position_ids of one length: "
                "train on such, and give the tokenizer as processing_class"
            )

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Prepare the student, train it, and fold what the regularizers added.

        Args:
            *args: those of `Trainer.train`.
            **kwargs: those of `Trainer.train`.

        Returns:
            What `Trainer.train` returns.

        Raises:
            UserError: the student is folded already; it can't be prepared twice.
        """
        if self._is_folded:
            raise UserError("this trainer's student is trained and folded: make another trainer")
        student = self._student
        if not self._is_prepared:  # or else an interrupted call goes on
            generator = torch.Generator().manual_seed(self.args.seed)
            for regularizer in self.regularizers:
                if regularizer.overrides("read_corpus"):
                    regularizer.read_corpus(self.train_dataset, self.processing_class)  # type: ignore[arg-type]
                regularizer.prepare_student(student, generator)
            self._is_prepared = True
        result = super().train(*args, **kwargs)
        for regularizer in self.regularizers:
            regularizer.fold(student)
        self._is_folded = True
        return result

    @property
    def _student(self) -> PreTrainedModel:
        return self.accelerator.unwrap_model(self.model)  # type: ignore[no-any-return]
