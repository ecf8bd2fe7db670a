"""Distillation under forgetting: what makes a `transformers.Trainer` ours, and the one we train with."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel, Trainer, TrainingArguments

from core.errors import UserError
from core.models.taught import IGNORED, as_packed, projection_of, taught_hidden, taught_labels
from core.signal.divergence import Divergence, TokenLosses, entropies, forward_kl, projected_loss
from core.signal.live import LiveTeacher
from core.signal.signal import Memory, Teacher, TeacherSignal
from core.training import sharded
from core.training.regularizer import Regularizer
from core.training.student_author import WORTH, StudentAuthor

if TYPE_CHECKING:
    _Trainer = Trainer
else:
    _Trainer = object  # whichever Trainer stands beside it


class Distilling(_Trainer):
    """Train a student from a teacher's signal, the text, or both: before a `Trainer` in the list of bases.

    Each taught token's loss is (1 − λ) · D(teacher, student) + λ · cross-entropy, λ = `label_weight`,
    counted by exp(−teacher's entropy) + `confidence_floor` (1 when that is None). D is `divergence`, both
    sides at the teacher's temperature. Without a teacher it is plain cross-entropy. Regularizers edit what
    is read, what is taught, the loss and the gradients. With an `author` some batches are what the student
    writes: there the teacher alone grades, or, without one, the text counts by its reward.
    """

    loss_is_scaled_for_ga: bool | None = (
        True  # the loss divides by the tokens of all accumulated micro-batches
    )

    def __init__(
        self,
        *args: Any,
        teacher: Teacher | None = None,
        memory_map: Memory | None = None,
        regularizers: Sequence[Regularizer] = (),
        label_weight: float = 1.0,
        confidence_floor: float | None = None,
        divergence: Divergence = forward_kl,
        author: StudentAuthor | None = None,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.author = author
        self.num_taught = 0  # tokens since the last log
        self.model_accepts_loss_kwargs = True  # so that the Trainer counts the taught tokens for us
        self.teacher = teacher
        self.memory_map = memory_map
        self.regularizers = regularizers
        self.label_weight = label_weight if teacher else 1.0
        self.confidence_floor = confidence_floor
        self.divergence = divergence
        self.temperature = teacher.temperature if teacher else 1.0
        self.vocab_size = len(projection_of(self.model).weight)  # type: ignore[arg-type]
        if self.is_fsdp_enabled:
            if author is not None:
                raise UserError(
                    "under FSDP2 a student can't write: launch with conf/accelerate/ddp.yaml"
                )
            sharded.check_sharded(self.accelerator, regularizers)
            if isinstance(teacher, LiveTeacher):
                sharded.share_out(teacher.model, self.accelerator)
        self.micro_batch = (0, -1)  # optimizer step, number of the micro-batch within it

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Tensor | int | None]:
        """The Trainer's, with what the student writes in the place of some batches."""
        batches, count = super().get_batch_samples(epoch_iterator, num_batches, device)
        if self.author is not None:
            student = self.accelerator.unwrap_model(self.model)
            for number, batch in enumerate(batches):
                generator = self._seeded(number, writes=True)
                batches[number] = self.author.edit(student, as_packed(batch), generator)
            count = self._get_num_items_in_batch(batches, device)
        self.num_taught += 0 if count is None else int(count)
        return batches, count

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The loss of one micro-batch. Forgetting is off when the model isn't training."""
        inputs = as_packed(inputs)
        regularizers = self.regularizers if model.training else ()
        generator = self._generator()
        inputs, worth_BT = {**inputs}, inputs.get(WORTH)
        inputs.pop(WORTH, None)
        is_written = worth_BT is not None
        source = self.author.memory if is_written and self.author else self.memory_map
        memory = source.at(inputs) if source and regularizers else None
        batch = inputs
        for regularizer in regularizers:
            batch = regularizer.edit_batch(batch, memory, generator)
        labels_N = taught_labels(inputs["labels"])
        hidden_ND = taught_hidden(
            model, batch["input_ids"], batch["position_ids"], inputs["labels"]
        )
        teacher_batch = inputs
        for regularizer in regularizers:
            teacher_batch = regularizer.edit_teacher_batch(teacher_batch, memory, generator)
        signal = self._signal(teacher_batch, labels_N)
        if worth_BT is not None:
            signal = self._graded(signal, worth_BT, inputs["labels"])
        for regularizer in regularizers:
            signal = regularizer.edit_signal(signal, inputs, memory, generator)
        losses = TokenLosses(labels_N, signal, self.divergence, self.temperature)
        total = projected_loss(hidden_ND, projection_of(model), losses)
        for regularizer in regularizers:
            term_N = regularizer.penalty(signal)
            total = total if term_N is None else total + term_N.sum()
        # Over all accumulated micro-batches and processes, masked tokens counting as zero, so that four
        # small batches give the gradient of one four times as large.
        num_taught = len(labels_N) if num_items_in_batch is None else int(num_items_in_batch)
        loss = total / max(num_taught, 1)
        if num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # whose gradients are averaged
        return (loss, {}) if return_outputs else loss

    def compute_loss_context_manager(self) -> contextlib.ExitStack:
        """The Trainer's, in the student's precision: the teacher's products and the projection's too."""
        stack: contextlib.ExitStack = super().compute_loss_context_manager()
        stack.enter_context(self.accelerator.autocast())
        return stack

    def training_step(
        self, model: torch.nn.Module, inputs: Any, num_items_in_batch: Any = None
    ) -> Tensor:
        """One micro-batch, forward and backward; then the regularizers see the gradients."""
        step, number = self.micro_batch
        now = self.state.global_step
        self.micro_batch = (now, number + 1 if step == now else 0)
        loss = super().training_step(model, inputs, num_items_in_batch)
        if not loss.isfinite():
            self._refuse(inputs, loss)
        if self.accelerator.sync_gradients:
            for regularizer in self.regularizers:
                student = self.accelerator.unwrap_model(model)
                regularizer.edit_gradients(student, self._generator(alike=True))
        return loss

    def _refuse(self, inputs: dict[str, Tensor], loss: Tensor) -> None:
        """Save the batch and raise UserError, before the weights are spoilt."""
        checkpoints = Path(str(self.args.output_dir))
        path = checkpoints.with_name(f"bad_batch_{self.args.process_index}.safetensors")
        tensors = {name: value for name, value in inputs.items() if isinstance(value, Tensor)}
        save_file({name: value.cpu().contiguous() for name, value in tensors.items()}, path)
        raise UserError(
            f"the loss is {loss.item()} at step {self.state.global_step + 1}: lower the learning rate; "
            f"the batch is in {path}, and the last checkpoint in {checkpoints} is intact"
        )

    def _signal(self, inputs: dict[str, Tensor], labels_N: Tensor) -> TeacherSignal:
        """What the teacher says, and how much each token counts; `inputs` are what it reads."""
        ones_N = torch.ones(len(labels_N), device=labels_N.device)
        label_weight_N = ones_N * self.label_weight
        if self.teacher is None:
            return TeacherSignal(None, ones_N, label_weight_N)
        target = self.teacher.distributions(inputs)
        if self.confidence_floor is None:
            return TeacherSignal(target, ones_N, label_weight_N)
        entropy_N = entropies(target, len(labels_N), self.vocab_size, labels_N.device)
        return TeacherSignal(target, (-entropy_N).exp() + self.confidence_floor, label_weight_N)

    def _graded(self, signal: TeacherSignal, worth_BT: Tensor, labels_BT: Tensor) -> TeacherSignal:
        """What is taught of a text that the student wrote: its own tokens are no label of the teacher's."""
        later_BT = labels_BT[:, 1:] != IGNORED
        weight_N = signal.weight_N * worth_BT[:, 1:][later_BT]
        if signal.target is None:
            return signal.with_(weight_N=weight_N)
        return signal.with_(
            weight_N=weight_N, label_weight_N=torch.zeros_like(signal.label_weight_N)
        )

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """The Trainer's, with what the regularizers have measured since the last time, and tokens taught."""
        if "loss" in logs:
            logs = {**logs, "taught_tokens": self.num_taught}
            self.num_taught = 0
            for regularizer in self.regularizers:
                logs = {**logs, **regularizer.metrics()}
        super().log(logs, *args, **kwargs)

    def _generator(self, *, alike: bool = False) -> torch.Generator:
        """Seeded by run, step, micro-batch and process, so that resuming changes no draw.

        `alike`: by run and step alone, for what is done once a step, and by all processes in the same way.
        """
        _, number = self.micro_batch
        return self._seeded(None if alike else max(number, 0))

    def _seeded(self, number: int | None, *, writes: bool = False) -> torch.Generator:
        """Seeded by run, step, micro-batch `number` (None: none of them) and process."""
        place = -1 if number is None else number * self.args.world_size + self.args.process_index
        seed = self.args.seed * 1_000_003 + self.state.global_step + place * 2_147_483_647
        return torch.Generator().manual_seed(seed + writes * 1_000_000_007)


class Distiller(Distilling, Trainer):
    """The Trainer of every stage: packed sequences, and a learning rate of their own for token embeddings."""

    def __init__(
        self,
        *,
        model: PreTrainedModel,
        args: TrainingArguments,
        train_dataset: Dataset,
        embedding_learning_rate: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(model=model, args=args, train_dataset=train_dataset, **kwargs)
        self.embedding_learning_rate = embedding_learning_rate

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """The Trainer's own, with the token embeddings at a learning rate of their own.

        Rows of rare tokens need large steps; matrices that large never learn to match tokens in context.
        """
        optimizer = super().create_optimizer(*args, **kwargs)
        if self.embedding_learning_rate is None:
            return optimizer
        embedding = self.accelerator.unwrap_model(self.model).get_input_embeddings().weight
        for group in list(optimizer.param_groups):
            if any(weight is embedding for weight in group["params"]):
                group["params"] = [w for w in group["params"] if w is not embedding]
                own = {"params": [embedding], "lr": self.embedding_learning_rate}
                optimizer.add_param_group({**group, **own})
        return optimizer
