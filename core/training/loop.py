"""One training run of the Trainer: arguments, resuming, the local log and the progress it reports."""

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from datasets import Dataset
from omegaconf import DictConfig
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    default_data_collator,
)

from core.corpus.packing import COLUMNS
from core.errors import UserError
from core.models.attention import fast_attention
from core.models.precision import in_bfloat16
from core.runs import processes
from core.runs.console import Report
from core.training import sharded
from core.training.distiller import Distiller
from core.training.lesson import PLAIN_TEXT, Lesson
from core.training.resume import last_whole, seal, step_of

READ_BY_TRAINING = ["input_ids", "position_ids", "labels", "index"]
LOG = "metrics.jsonl"
NATS = "_nats"  # what the name of a measure that is no share ends in


class Watching(Protocol):
    """Looks at a model every so many steps of its training (0: never)."""

    every: int

    def __call__(self, model: PreTrainedModel) -> dict[str, float]:
        """What it measures, such as `recall` and `reasoning`, from 0 to 1, or in nats where the name says so.
        Training ends where it then has a true `is_over`.
        """


def train(
    model: PreTrainedModel,
    sequences: Dataset,
    folder: Path,
    settings: DictConfig,
    *,
    seed: int,
    report: Report,
    lesson: Lesson = PLAIN_TEXT,
    watch: Watching | None = None,
    recompute: bool = False,
    precision: str = "auto",
) -> PreTrainedModel:
    """Train `model` for `settings.num_steps` steps on `lesson`, reading `sequences` in order.

    Returns it, trained in place; where its weights are shared out among processes, a whole copy.

    With `recompute` each layer's activations are worked out again in the backward pass instead of kept, to
    the same weights bit for bit. `precision` is that of the products (core/models/precision.py).

    Checkpoints go to `folder/checkpoints`; when some are there, training goes on from the last one.
    Metrics go to `folder/metrics.jsonl`, one row for each step logged, with what `watch` measures; training
    ends early where that is as `settings.stop` says. Raises UserError when the loss or its gradients stop
    being finite.
    """
    checkpoints = folder / "checkpoints"
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=settings.num_steps,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        adam_beta2=settings.adam_beta2,
        max_grad_norm=1.0,
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup,
        optim="adamw_torch_fused",
        activation_checkpointing=recompute,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        bf16=processes.agreed(in_bfloat16(precision)),
        use_cpu=not torch.accelerator.is_available(),  # else it refuses bfloat16 there
        dataloader_pin_memory=torch.cuda.is_available(),
        logging_steps=settings.log_steps,
        logging_nan_inf_filter=False,
        save_steps=settings.save_steps,
        save_total_limit=2,  # a damaged one is passed over for the one before
        report_to=list(settings.trackers) or "none",
        disable_tqdm=True,
        # The projection onto the vocabulary is used, but not by the forward pass of the wrapped model.
        ddp_find_unused_parameters=False,
        seed=seed,
    )
    if arguments.n_gpu > 1:
        raise UserError(
            "several GPUs are visible: start with `accelerate launch -m core.cli …`, "
            "or show one with CUDA_VISIBLE_DEVICES=0"
        )
    missing = [name for name in COLUMNS if name not in sequences.column_names]
    assert not missing, f"not a packed corpus: {missing}"
    tokens_per_step = (
        settings.batch_size
        * settings.accumulation
        * arguments.world_size
        * len(sequences[0]["input_ids"])
    )
    trainer = Distiller(
        model=model,
        args=arguments,
        train_dataset=sequences.select_columns(READ_BY_TRAINING).with_format("torch"),
        data_collator=default_data_collator,
        embedding_learning_rate=settings.embedding_learning_rate,
        callbacks=[_Log(folder / LOG, report, tokens_per_step, watch, settings.get("stop"))],
        **lesson.arguments(),
    )
    if trainer.is_fsdp_enabled and watch and watch.every:
        # It asks the inner model and the projection apart, each without FSDP's hooks of the whole.
        raise UserError("under FSDP2 a model can't be watched while it trains: add watch.every=0")
    trainer.remove_callback(PrinterCallback)
    last = last_whole(checkpoints)
    if processes.is_main():
        _trim_log(folder / LOG, step_of(last) if last else 0)
    with fast_attention(model, len(sequences[0]["input_ids"]), arguments.bf16):
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    if trainer.is_fsdp_enabled:
        return sharded.whole(model)
    # Else it would go on multiplying in training's precision, and one that is loaded again wouldn't.
    return trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)


def _trim_log(log: Path, step: int) -> None:
    """Drop the rows after `step`: those steps are trained, and told, again."""
    if not log.exists():
        return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    kept = [line for line in lines if _step_told(line) <= step]
    log.write_text("".join(kept), encoding="utf-8")


def _step_told(line: str) -> float:
    """The step of a row of the log. Infinity for a damaged row, which is dropped so."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, TypeError, KeyError):
        return math.inf


class _Log(TrainerCallback):
    """Writes the log, reports progress, watches, and stops at gradients that aren't finite."""

    def __init__(
        self,
        log: Path,
        report: Report,
        tokens_per_step: int,
        watch: Watching | None,
        stop: Mapping[str, float | None] | None,
    ):
        self.log, self.report, self.tokens_per_step = log, report, tokens_per_step
        self.watch, self.stop = watch, {k: v for k, v in (stop or {}).items() if v is not None}
        self.seen: dict[str, float] = {}
        self.note = ""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.began, self.first = time.monotonic(), state.global_step

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: PreTrainedModel | None = None,
        **_: Any,
    ) -> None:
        if self.watch and model and self.watch.every and state.global_step % self.watch.every == 0:
            self.seen = self.watch(getattr(model, "module", model))
            control.should_log = True
            is_over = bool(getattr(self.watch, "is_over", False))
            control.should_training_stop |= is_over or enough(self.seen, self.stop)
        # What is logged is checked: weights that a loss that isn't finite has spoilt are never saved.
        control.should_log = control.should_log or control.should_save
        self.report(state.global_step, state.max_steps, self.note)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        processes.wait()  # until the others have written their part
        if state.is_world_process_zero:
            seal(Path(str(args.output_dir)) / f"checkpoint-{state.global_step}")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        if not logs or "loss" not in logs:
            return
        # The loss may be finite and its gradients not: the weights are spoilt then, and not saved.
        norm = logs.get("grad_norm", 0.0)
        if not torch.tensor(norm).isfinite():
            raise UserError(
                f"the norm of the gradients is {norm} at step {state.global_step}: "
                f"lower the learning rate; the last checkpoint in {args.output_dir} is intact"
            )
        seconds = time.monotonic() - self.began
        rate = (state.global_step - self.first) * self.tokens_per_step / max(seconds, 1e-9)
        told = [_told(name, value) for name, value in self.seen.items()]
        self.note = " · ".join([f"loss {logs['loss']:.3f}", *told, f"{rate:,.0f} tokens/s"])
        row = {"step": state.global_step, "tokens_per_second": round(rate), **logs}
        if self.watch and self.watch.every and state.global_step % self.watch.every == 0:
            row |= self.seen
        if not state.is_world_process_zero:
            return
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def enough(seen: Mapping[str, float], stop: Mapping[str, float]) -> bool:
    """Return True when every threshold in `stop` is met. False if `stop` is empty."""
    if not stop or any(name not in seen for name in stop):
        return False
    met = {
        "recall": seen.get("recall", 1.0) <= stop.get("recall", 1.0),
        "reasoning": seen.get("reasoning", 0.0) >= stop.get("reasoning", 0.0),
    }
    return all(met[name] for name in stop)


def _told(name: str, value: float) -> str:
    """What a watch measured, a share unless its name ends in the unit."""
    bare = name.removesuffix(NATS)
    return f"{name} {value:.0%}" if bare == name else f"{bare} {value:.2f} nats"
