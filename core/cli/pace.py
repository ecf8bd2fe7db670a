"""How fast this machine reads, trains and writes with a run's teacher.

A step of each is timed on the teacher's architecture with one layer and with two: all layers cost as much as
the second, so that even a large model's time is known in seconds.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from omegaconf import DictConfig
from transformers import PretrainedConfig

from core.arms.teach import model_config
from core.models.continuing import Continuation
from core.models.cut import resized
from core.models.drawing import draw
from core.models.gate import traits_of
from core.models.loading import context_of, new_model
from core.models.precision import in_bfloat16
from core.models.sources import source_of
from core.models.taught import (
    projection_of,
    taught_hidden,
    taught_labels,
    taught_logits_in_parts,
)
from core.runs import processes
from core.runs.memory import give_back
from core.signal.divergence import TokenLosses, projected_loss
from core.signal.signal import TeacherSignal

LAYERS = "num_hidden_layers"
TIMES = 2  # steps timed, behind one that isn't
SAID, WRITTEN_TO = 48, 150  # texts that are written together, and about how many tokens they have


@dataclass(frozen=True)
class Pace:
    """Seconds a token takes to be read, to be trained on and to be written, and the model's parameters."""

    read: float
    train: float
    write: float
    parameters: int


def pace_of(cfg: DictConfig) -> Pace:
    """Timed with the threads that a job has; raises UserError as the teacher's source does."""
    pretrained = source_of(cfg)
    config = (
        model_config(cfg, cfg.packing.vocab_size) if pretrained is None else pretrained.config()
    )
    whole = int(getattr(config.get_text_config(), LAYERS, 1))
    threads = torch.get_num_threads()
    torch.set_num_threads(max(int(cfg.threads), 1))
    try:
        batch = cfg.distill.train.batch_size, cfg.packing.sequence_length
        reduced = in_bfloat16(cfg.training.precision)
        one = _timed(config, min(1, whole), *batch, reduced)
        two = _timed(config, min(2, whole), *batch, reduced)
    finally:
        torch.set_num_threads(threads)
        give_back()

    def all_layers(of: Callable[[Pace], float]) -> float:
        return of(one) + (whole - 1) * max(of(two) - of(one), 0.0)

    return Pace(
        all_layers(lambda pace: pace.read),
        all_layers(lambda pace: pace.train),
        all_layers(lambda pace: pace.write),
        int(all_layers(lambda pace: pace.parameters)),
    )


def _timed(
    config: PretrainedConfig, num_layers: int, batch_size: int, length: int, reduced: bool
) -> Pace:
    """The pace of a fresh model of so many layers, on a batch of nothing in particular."""
    device = processes.state().device
    model = new_model(resized(config, {LAYERS: num_layers}), 0).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)
    vocab_size = len(model.get_output_embeddings().weight)  # type: ignore[arg-type]
    ids_BT = torch.randint(vocab_size, (batch_size, length), device=device)
    positions_BT = torch.arange(length, device=device).expand(batch_size, length)
    labels_N = taught_labels(ids_BT)
    ones_N = torch.ones(len(labels_N), device=device)
    losses = TokenLosses(labels_N, TeacherSignal(None, ones_N, ones_N))

    def read() -> torch.Tensor:
        parts = taught_logits_in_parts(model, ids_BT, positions_BT, ids_BT)
        return torch.cat([logits_nV.logsumexp(-1) for _, logits_nV in parts])

    def train() -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
            hidden_ND = taught_hidden(model, ids_BT, positions_BT, ids_BT)
            loss = projected_loss(hidden_ND, projection_of(model), losses) / len(labels_N)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=reduced):
        reading = _seconds(read)
    training = _seconds(train)
    model.to(torch.bfloat16 if reduced else model.dtype)
    said_BT = torch.randint(vocab_size, (SAID, min(WRITTEN_TO, context_of(model) or WRITTEN_TO)))
    continuation = Continuation(model, said_BT.tolist(), keep=traits_of(model).keeps)

    @torch.no_grad()
    def write() -> torch.Tensor:
        found_S1 = draw(continuation.logits(), torch.rand(SAID, 1, dtype=torch.float64))
        continuation.append(found_S1)
        return found_S1

    writing = _seconds(write)
    per_token = reading / ids_BT.numel(), training / ids_BT.numel(), writing / SAID
    return Pace(*per_token, model.num_parameters())


def _seconds(step: Callable[[], torch.Tensor]) -> float:
    step().sum().item()
    began = time.perf_counter()
    for _ in range(TIMES):
        step().sum().item()  # waits for a GPU
    return (time.perf_counter() - began) / TIMES
