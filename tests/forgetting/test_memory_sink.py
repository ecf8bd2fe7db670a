"""Where the sink is open, what it learns, and what is left without it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedModel, TrainingArguments

from core.errors import UserError
from core.models.taught import IGNORED
from core.signal.memory_map import THRESHOLD, MemoryMap
from core.training.distiller import Distiller
from core.training.loop import READ_BY_TRAINING
from core.training.regularizer import Batch
from forgetting.memory_sink import MemorySink


@pytest.fixture
def batch(sequences: Dataset) -> Batch:
    return {name: torch.tensor(sequences[name][:8]) for name in READ_BY_TRAINING}


def prepared(student: PreTrainedModel, **options: float) -> MemorySink:
    regularizer = MemorySink(**options)
    regularizer.prepare_student(student, torch.Generator().manual_seed(0))
    return regularizer


def opened(student: PreTrainedModel, batch: Batch) -> Tensor:
    """Where (B, T) the first MLP's output isn't what it is without a sink."""
    seen: list[Tensor] = []
    mlp = student.model.layers[0].mlp
    handle = mlp.register_forward_hook(lambda _, args, output: seen.append(output.detach()))
    for training in (True, False):
        student.train(training)(batch["input_ids"], position_ids=batch["position_ids"])
    handle.remove()
    return (seen[0] != seen[1]).any(-1)


def teach_something(student: PreTrainedModel) -> None:
    for layer in student.model.layers:
        torch.nn.init.normal_(layer.mlp.memory_sink.down)


def test_it_is_open_where_a_flagged_token_is_predicted(make_llama, make_map, batch: Batch) -> None:
    student, memory_map = make_llama(), make_map()
    regularizer = prepared(student)
    memory = memory_map.slice(batch["index"], batch["labels"])
    assert regularizer.edit_batch(batch, memory, torch.Generator()) is batch
    assert not opened(student, batch).any(), "it says nothing at first"
    teach_something(student)
    flagged_BT = (memory_map.score_ST[:8] >= THRESHOLD) & (batch["labels"] != IGNORED)
    assert flagged_BT.any()
    assert torch.equal(opened(student, batch)[:, :-1], flagged_BT[:, 1:])
    assert not opened(student, batch)[:, -1].any()


def test_strength_is_how_often_it_is_open(make_llama, make_map, batch: Batch) -> None:
    student, memory_map = make_llama(), make_map(score=1.0)
    regularizer = prepared(student, strength=0.3)
    teach_something(student)
    memory = memory_map.slice(batch["index"], batch["labels"])
    generator, rounds = torch.Generator().manual_seed(0), []
    for _ in range(20):
        regularizer.edit_batch(batch, memory, generator)
        rounds.append(opened(student, batch))
    share = torch.stack(rounds).sum() / (20 * len(memory.flagged_N))
    assert len(memory.flagged_N) > 100 and abs(share - 0.3) < 0.03
    assert not torch.equal(rounds[0], rounds[1]), "drawn anew"


def losses(
    student: PreTrainedModel, batch: Batch, memory_map: MemoryMap, *sinks: MemorySink
) -> Iterator[float]:
    """The mean loss of the flagged tokens, and of the others."""
    memory = memory_map.slice(batch["index"], batch["labels"])
    for sink in sinks:
        sink.edit_batch(batch, memory, torch.Generator())
    read = {name: batch[name] for name in ("input_ids", "position_ids")}
    logits_BTV = student.train()(**read, use_cache=False).logits.detach()
    labels_BT = batch["labels"][:, 1:]
    loss_N = (
        -logits_BTV[:, :-1]
        .log_softmax(-1)
        .gather(2, labels_BT.clamp(0)[..., None])[..., 0][labels_BT != IGNORED]
    )
    for chosen_N in (memory.flagged_N, ~memory.flagged_N):
        yield float(loss_N[chosen_N].mean())


@pytest.mark.slow
def test_memories_go_with_it_and_the_rest_stays(make_llama, make_map, fit, batch: Batch) -> None:
    student, plain, memory_map = make_llama(), make_llama(), make_map()
    sink = prepared(student)
    fit(student, num_steps=120, memory_map=memory_map, regularizers=[sink])
    fit(plain, num_steps=120)
    flagged_with_it, _ = losses(student, batch, memory_map, sink)
    sink.fold(student)
    flagged, rest = losses(student, batch, memory_map)
    plain_flagged, plain_rest = losses(plain, batch, memory_map)
    assert flagged_with_it < plain_flagged, "the sink does remember"
    assert flagged > 2 * plain_flagged
    assert rest < 1.2 * plain_rest


def test_only_flagged_tokens_train_it(make_llama, make_map, batch: Batch, tmp_path: Path) -> None:
    for score, learns in ((0.0, False), (1.0, True)):
        student = make_llama().train()
        distiller = Distiller(
            model=student,
            args=TrainingArguments(output_dir=str(tmp_path), report_to="none", use_cpu=True),
            train_dataset=None,
            memory_map=make_map(score=score),
            regularizers=[prepared(student)],
        )
        distiller.compute_loss(student, batch).backward()
        sinks = [layer.mlp.memory_sink for layer in student.model.layers]
        assert all(bool(sink.down.grad.any()) == learns for sink in sinks)
        assert student.model.layers[0].mlp.up_proj.weight.grad.any(), "shared ones always learn"


def test_a_sink_without_units_is_refused() -> None:
    with pytest.raises(UserError, match="MemorySink: num_units must be 1 or more, not 0"):
        MemorySink(num_units=0)
