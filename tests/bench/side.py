"""One side of a comparison: a real training run in a process of its own, a step at a time.

`python -m tests.bench.side '{"side": "ours", …}'` trains for `num_steps` steps. Before each it waits for a
line on standard input, and after each it writes one of JSON: its `seconds`, and `peak_bytes`, the most memory
that the process has held until then. The last one also has the `losses` of all, and with `profile` the CPU
time of each operation in the last step.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRL_EXPERIMENTAL_SILENCE="1")

import torch
from datasets import Dataset
from datasets.utils.logging import disable_progress_bar
from omegaconf import OmegaConf
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor
from transformers import (
    LlamaConfig,
    PreTrainedTokenizerFast,
    PrinterCallback,
    TrainerCallback,
    default_data_collator,
)
from transformers.utils import logging

from core.arms.cache import EditedTeacher, write_shard
from core.models.loading import new_model
from core.models.taught import IGNORED
from core.runs.artifacts import Artifact
from core.signal.cached import CachedTeacher
from core.signal.codec import Codec
from core.signal.divergence import divergence_of
from core.signal.live import LiveTeacher
from core.signal.signal import Teacher
from core.training.lesson import Lesson
from core.training.loop import LOG, train
from core.training.student_author import StudentAuthor

LEARNING_RATE, TOP_K = 1e-4, 50
BETAS = {"forward_kl": 0.0, "jensen_shannon": 0.5}

Asked = dict[str, Any]


def text_of(asked: Asked) -> Dataset:
    """Rows of `length` random tokens, every token taught, or those behind the first `prompt`."""
    shape = asked["batch"] * asked["num_steps"], asked["length"]
    generator = torch.Generator().manual_seed(0)
    ids_ST = torch.randint(4, asked["model"]["vocab_size"], shape, generator=generator)
    every_ST = torch.arange(shape[1]).expand(shape)
    labels_ST = ids_ST.clone()
    labels_ST[:, : asked.get("prompt", 0)] = IGNORED
    columns = {
        **{"input_ids": ids_ST, "labels": labels_ST},
        **dict.fromkeys(["position_ids", "start", "end", "row"], every_ST),
        "attention_mask": torch.ones_like(ids_ST),
        "index": torch.arange(shape[0]),
    }
    return Dataset.from_dict({name: value.numpy() for name, value in columns.items()})


class Turns:
    """Waits for a turn before each step, and tells about the step after it."""

    def __init__(self, asked: Asked) -> None:
        self.left, self.profiled = asked["num_steps"], asked.get("profile", False)
        self.profiler = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU])
        self._wait()

    def _wait(self) -> None:
        if not sys.stdin.readline():
            sys.exit("the one who asked is gone")
        if self.profiled and self.left == 1:
            self.profiler.start()
        self.began = time.perf_counter()

    def done(self, losses: Callable[[], list[float]]) -> None:
        """Tell about the step that has ended, and wait before the next; after the last, tell the losses."""
        seconds, more = time.perf_counter() - self.began, {}
        self.left -= 1
        if not self.left:
            more["losses"] = losses()
            if self.profiled:
                self.profiler.stop()
                events = self.profiler.key_averages()
                more["cpu_seconds"] = {e.key: e.self_cpu_time_total / 1e6 for e in events}
        peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        said = {"seconds": seconds, "peak_bytes": peak, **more}
        print(json.dumps(said), file=sys.__stdout__, flush=True)
        if self.left:
            self._wait()


def ours(asked: Asked, text: Dataset, folder: Path) -> None:
    """Our `train`, as `winnow distill` calls it; with `cached` from what the teacher has said."""
    config, teacher = LlamaConfig(**asked["model"]), teacher_of(asked, text, folder)
    turns = Turns(asked)

    def losses() -> list[float]:
        rows = map(json.loads, (folder / LOG).read_text().splitlines())
        return [row["loss"] for row in rows]

    settings = {
        **{"num_steps": asked["num_steps"], "batch_size": asked["batch"], "accumulation": 1},
        **{"learning_rate": LEARNING_RATE, "embedding_learning_rate": None, "weight_decay": 0.0},
        **{"adam_beta2": 0.999, "schedule": "constant", "warmup": 0, "log_steps": 1},
        **{"save_steps": 10**6, "trackers": []},
    }
    train(
        new_model(config, 0),
        text,
        folder,
        OmegaConf.create(settings),
        seed=0,
        report=lambda step, total, _: step < total and turns.done(losses),
        lesson=Lesson(
            teacher,
            divergence=divergence_of(asked["divergence"]),
            label_weight=0.0,
            author=asked.get("author"),
        ),
        recompute=asked.get("recompute", False),
        precision="float32",  # as TRL's side
    )
    turns.done(losses)


def teacher_of(asked: Asked, text: Dataset, folder: Path) -> Teacher:
    """The live teacher; or what it has said already, and then it is gone."""
    model = new_model(LlamaConfig(**asked["model"]), 1)
    if not asked.get("cached"):
        return LiveTeacher(model)
    shard, every = Artifact(folder / "shard-00000"), range(len(text))
    columns = text.select_columns(["input_ids", "position_ids", "labels"]).with_format("torch")
    reader = EditedTeacher(model, Codec(TOP_K, model.config.vocab_size))
    for _ in write_shard(shard, reader, columns, every):
        pass
    return CachedTeacher([(shard.folder, every)], shard.fingerprint)


def ours_on_policy(asked: Asked, text: Dataset, folder: Path) -> None:
    """Our `train` where the student writes each batch; no token ends a text, so all are equally long."""
    ours({**asked, "author": StudentAuthor(1.0, ())}, text, folder)


def trl(asked: Asked, text: Dataset, folder: Path) -> None:
    """TRL's trainer for text that is there (`GKDTrainer`, `lmbda=0`), which works on whole logits."""
    from trl.experimental.gkd import GKDConfig, GKDTrainer

    arguments = GKDConfig(**trl_arguments(asked, folder), lmbda=0.0)
    train_trl(GKDTrainer, asked, arguments, text, data_collator=default_data_collator)


def trl_on_policy(asked: Asked, text: Dataset, folder: Path) -> None:
    """TRL's trainer where the student writes each batch (`GKDTrainer`, `lmbda=1`), to the same length."""
    from trl.experimental.gkd import GKDConfig, GKDTrainer

    prompt, length = asked["prompt"], asked["length"]

    class Writing(GKDTrainer):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.generation_config.eos_token_id = None
            self.generation_config.min_new_tokens = length - prompt

    def collate(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        batch = default_data_collator(rows)
        prompts = batch["input_ids"][:, :prompt]
        return {**batch, "prompts": prompts, "prompt_attention_mask": torch.ones_like(prompts)}

    arguments = GKDConfig(
        **trl_arguments(asked, folder), lmbda=1.0, temperature=1.0, max_new_tokens=length - prompt
    )
    train_trl(Writing, asked, arguments, text, data_collator=collate)


def trl_chunked(asked: Asked, text: Dataset, folder: Path) -> None:
    """TRL's on-policy trainer (`DistillationTrainer`), which works on tiles of the logits.

    It is given the text as if the student had said it: its generation isn't done, and so isn't counted.
    """
    from trl import DistillationConfig, DistillationTrainer

    class Given(DistillationTrainer):  # type: ignore[misc]
        def _prepare_inputs(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
            ids_BT = torch.tensor([row["input_ids"] for row in rows])
            prompt, completion = ids_BT[:, :1], ids_BT[:, 1:]
            return {
                **{"prompt_ids": prompt, "prompt_mask": torch.ones_like(prompt)},
                **{"completion_ids": completion, "completion_mask": torch.ones_like(completion)},
                "num_items_in_batch": torch.tensor(completion.numel()),
            }

    arguments = DistillationConfig(**trl_arguments(asked, folder), shuffle_dataset=False)
    train_trl(Given, asked, arguments, text.add_column("prompt", ["text"] * len(text)))


def trl_arguments(asked: Asked, folder: Path) -> dict[str, Any]:
    """Float32, the optimizer and the order of the text as on our side; TRL's own default is to recompute."""
    return {
        **{"output_dir": str(folder), "max_steps": asked["num_steps"], "use_cpu": True},
        **{"per_device_train_batch_size": asked["batch"], "bf16": False, "seed": 0},
        **{"learning_rate": LEARNING_RATE, "weight_decay": 0.0, "lr_scheduler_type": "constant"},
        **{"optim": "adamw_torch_fused", "train_sampling_strategy": "sequential"},
        **{"beta": BETAS[asked["divergence"]], "max_grad_norm": 1.0},
        "activation_checkpointing": asked.get("recompute", False),
        "gradient_checkpointing": None,
        **{"logging_steps": 1, "save_strategy": "no", "report_to": "none", "disable_tqdm": True},
    }


def train_trl(kind: type, asked: Asked, arguments: Any, text: Dataset, **options: Any) -> None:
    """Train with one of TRL's trainers."""
    words = WordLevel({"<pad>": 0, "<s>": 1, "</s>": 2}, unk_token="<pad>")
    config = LlamaConfig(**asked["model"])
    trainer = kind(
        model=new_model(config, 0),
        teacher_model=new_model(config, 1),
        args=arguments,
        train_dataset=text,
        processing_class=PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(words), pad_token="<pad>", eos_token="</s>"
        ),
        **options,
    )
    trainer.remove_callback(PrinterCallback)
    turns = Turns(asked)

    def losses() -> list[float]:
        return [row["loss"] for row in trainer.state.log_history if "loss" in row]

    class Telling(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, arguments: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step < state.max_steps:
                turns.done(losses)

    trainer.add_callback(Telling())
    trainer.train()
    turns.done(losses)


SIDES = {
    **{"ours": ours, "ours_on_policy": ours_on_policy},
    **{"trl": trl, "trl_on_policy": trl_on_policy, "trl_chunked": trl_chunked},
}


def main(asked: Asked) -> None:
    """Run the side that is asked for."""
    torch.set_num_threads(asked["threads"])
    disable_progress_bar()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        SIDES[asked["side"]](asked, text_of(asked), Path(folder))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
