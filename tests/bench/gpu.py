"""What a GPU gives: `python -m tests.bench.gpu` distils two shapes in bfloat16, into runs/gpu/results.json.

Tokens a second of a whole training step beside a live teacher of the same size (forward KL, random weights
and text), and which share that is of the rate at which the GPU multiplies large matrices: 6 operations a
parameter and token of the student's, 2 of the teacher's.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from omegaconf import OmegaConf
from transformers import LlamaConfig, PretrainedConfig, Qwen3Config

from core.models.loading import new_model
from core.signal.live import LiveTeacher
from core.training.lesson import Lesson
from core.training.loop import train

OUT = Path("runs/gpu/results.json")
SMOLLM2 = LlamaConfig(
    **{
        "vocab_size": 49_152,
        "hidden_size": 576,
        "num_hidden_layers": 30,
        "intermediate_size": 1536,
    },
    **{"num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True},
)
QWEN3 = Qwen3Config(
    **{"vocab_size": 151_936, "hidden_size": 1024, "num_hidden_layers": 28, "head_dim": 128},
    **{"intermediate_size": 3072, "num_attention_heads": 16, "num_key_value_heads": 8},
    tie_word_embeddings=True,
)
SHAPES = {
    "SmolLM2-135M": (SMOLLM2, 32, 1024),
    "Qwen3-0.6B": (QWEN3, 8, 1024),
}  # batch, tokens in a row
WARM, TIMED, SIDE = 5, 40, 8192  # steps; rows and columns of the matrices that are multiplied


def matmul_rate(device: torch.device, side: int = SIDE, seconds: float = 2.0) -> float:
    """Operations a second of products in bfloat16."""
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    a @ b
    wait(device)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        a @ b
        wait(device)
        count += 1
    return count * 2 * side**3 / (time.perf_counter() - began)


def wait(device: torch.device) -> None:
    """Until the GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def tokens_per_second(
    config: PretrainedConfig, batch: int, length: int, warm: int = WARM, timed: int = TIMED
) -> tuple[float, int]:
    """Of the steps behind the first ones; and the parameters."""
    student, ends = new_model(config, 0), []
    ids = torch.randint(config.vocab_size, (batch * (warm + timed), length))
    text = Dataset.from_dict(
        {
            "input_ids": ids.tolist(),
            "position_ids": [list(range(length))] * len(ids),
            "labels": ids.tolist(),
            "index": list(range(len(ids))),
            **{name: [[0]] * len(ids) for name in ("row", "start", "end")},
        }
    )

    def report(step: int, total: int, note: str) -> None:
        wait(student.device)
        ends.append(time.perf_counter())

    settings: dict[str, Any] = {
        **{"num_steps": warm + timed, "batch_size": batch, "accumulation": 1, "warmup": 0},
        **{"learning_rate": 1e-5, "embedding_learning_rate": None, "weight_decay": 0.0},
        **{"adam_beta2": 0.95, "schedule": "constant", "log_steps": 10**6, "save_steps": 10**6},
        "trackers": [],
    }
    lesson = Lesson(LiveTeacher(new_model(config, 1)), label_weight=0.0)
    with tempfile.TemporaryDirectory() as folder:
        train(
            student, text, Path(folder), OmegaConf.create(settings),
            **{"seed": 0, "report": report, "lesson": lesson, "precision": "bfloat16"},
        )  # fmt: skip
    steps = ends[: warm + timed]
    return (timed * batch * length) / (steps[-1] - steps[warm - 1]), student.num_parameters()


def main() -> int:
    """Measure each shape, tell it in a line, and write all."""
    if not torch.cuda.is_available():
        print("make gpu: no CUDA device is here, so nothing was measured", file=sys.stderr)
        return 2
    device, found = torch.device("cuda"), {}
    rate = matmul_rate(device)
    for name, (config, batch, length) in SHAPES.items():
        speed, parameters = tokens_per_second(config, batch, length)
        share = speed * 8 * parameters / rate
        found[name] = {"tokens_per_second": speed, "matmul_share": share, "parameters": parameters}
        print(f"{name}: {speed:,.0f} tokens/s, {share:.0%} of {rate / 1e12:,.0f} TFLOP/s")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "device": torch.cuda.get_device_name(),
        "matmul_rate": rate,
        "torch": torch.__version__,
    }
    OUT.write_text(json.dumps({**about, "shapes": found}, indent=1) + "\n", encoding="utf-8")
    print(f"figures: {OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
