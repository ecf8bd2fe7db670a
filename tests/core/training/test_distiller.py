"""The step: what is averaged, what is taught, and when forgetting is on."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedModel, Trainer, TrainingArguments

from core.models.taught import IGNORED
from core.signal.live import LiveTeacher
from core.training.distiller import Distiller
from core.training.regularizer import Regularizer

Make = Callable[..., Distiller]
Batch = dict[str, Tensor]


@pytest.fixture
def make(sequences: Dataset, tmp_path: Path) -> Make:
    def distiller(model: PreTrainedModel, **options: object) -> Distiller:
        arguments = TrainingArguments(output_dir=str(tmp_path), report_to="none", use_cpu=True)
        return Distiller(model=model, args=arguments, train_dataset=sequences, **options)

    return distiller


@pytest.fixture
def batch(sequences: Dataset) -> Batch:
    names = ("input_ids", "position_ids", "labels", "index")
    return {name: torch.tensor(sequences[name][:4]) for name in names}


class Watcher(Regularizer):
    """Changes nothing, and keeps what each hook was given."""

    def __init__(self) -> None:
        super().__init__()
        self.signals, self.batches, self.gradients, self.draws = [], [], [], []

    def edit_signal(self, signal, batch, memory, generator):
        self.signals.append(signal)
        self.batches.append(batch)
        self.draws.append(float(torch.rand(1, generator=generator)))
        return signal

    def edit_gradients(self, student, generator):
        self.gradients.append({n: p.grad.clone() for n, p in student.named_parameters()})


class Meddler(Regularizer):
    """Uses every hook of the step to make the loss another one."""

    def edit_batch(self, batch, memory, generator):
        return {**batch, "input_ids": torch.full_like(batch["input_ids"], 5)}

    def edit_signal(self, signal, batch, memory, generator):
        return signal.with_(weight_N=signal.weight_N * 3)

    def penalty(self, signal):
        return signal.weight_N * 0.1


def test_accumulated_batches_are_one_larger_batch(make_llama, fit, sequences: Dataset) -> None:
    counts = [sum(x != IGNORED for x in labels) for labels in sequences["labels"][:4]]
    assert max(counts) > 1.5 * min(counts), "the micro-batches must differ in taught tokens"
    ends, gradients = [], []
    for batch_size, accumulation in ((4, 1), (1, 4)):
        watcher, model = Watcher(), make_llama(seed=1)
        ends.append(
            fit(
                model,
                num_steps=1,
                batch_size=batch_size,
                accumulation=accumulation,
                learning_rate=1e-3,
                teacher=LiveTeacher(make_llama(seed=2)),
                label_weight=0.5,
                confidence_floor=0.03,
                regularizers=[watcher],
            )
        )
        [last] = watcher.gradients  # told once a step, when all of them are summed
        gradients.append(last)
    for name, weight in ends[0].items():
        torch.testing.assert_close(ends[1][name], weight, rtol=0, atol=1e-6)
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-4, atol=1e-6)
        assert gradient.abs().max() > 1e-4


def test_gradients_match_a_dense_reference_in_float64(make_llama, make: Make, batch: Batch) -> None:
    student, teacher = make_llama(seed=1), make_llama(seed=2)
    exact, exact_teacher = deepcopy(student).double(), deepcopy(teacher).double()
    student.train()
    make(student, teacher=LiveTeacher(teacher), label_weight=0.0).compute_loss(
        student, batch
    ).backward()

    def logprobs(model: PreTrainedModel) -> Tensor:
        read = {name: batch[name] for name in ("input_ids", "position_ids")}
        logits_BTV = model(**read, use_cache=False).logits[:, :-1]
        return logits_BTV[batch["labels"][:, 1:] != IGNORED].log_softmax(-1)

    student_NV, teacher_NV = logprobs(exact), logprobs(exact_teacher).detach()
    (teacher_NV.exp() * (teacher_NV - student_NV)).sum(-1).mean().backward()
    for name, weight in exact.named_parameters():
        found = student.get_parameter(name).grad.double()
        torch.testing.assert_close(found, weight.grad, rtol=1e-3, atol=1e-6)


def test_confident_tokens_count_more(make_llama, make: Make, batch: Batch) -> None:
    student, teacher, watcher = make_llama(seed=1), LiveTeacher(make_llama(seed=2)), Watcher()
    make(student, teacher=teacher, confidence_floor=0.03, regularizers=[watcher]).compute_loss(
        student.train(), batch
    )
    [signal] = watcher.signals
    entropy_N = torch.distributions.Categorical(logits=signal.target.rows(slice(None))).entropy()
    torch.testing.assert_close(signal.weight_N, (-entropy_N).exp() + 0.03)
    assert signal.weight_N.unique().numel() > 10


def test_the_teacher_reads_the_text_as_it_is(make_llama, make: Make, batch: Batch) -> None:
    student, teacher, watcher = make_llama(seed=1), LiveTeacher(make_llama(seed=2)), Watcher()
    told = teacher.distributions(batch)
    losses = []
    for regularizers in ([watcher], [Meddler(), watcher]):
        distiller = make(student, teacher=teacher, label_weight=0.5, regularizers=regularizers)
        losses.append(distiller.compute_loss(student.train(), batch))
    for signal, seen in zip(watcher.signals, watcher.batches, strict=True):
        assert torch.equal(signal.target.hidden_ND, told.hidden_ND)
        assert all(torch.equal(seen[name], batch[name]) for name in batch), "nor do regularizers"
    assert losses[0] != losses[1], "the student did read something else"


def test_forgetting_is_off_when_the_model_is_not_training(
    make_llama, make: Make, batch: Batch
) -> None:
    model, teacher = make_llama(seed=1), LiveTeacher(make_llama(seed=2))
    plain = make(model, teacher=teacher, label_weight=0.5)
    meddled = make(model, teacher=teacher, label_weight=0.5, regularizers=[Meddler()])
    model.eval()
    assert torch.equal(plain.compute_loss(model, batch), meddled.compute_loss(model, batch))
    model.train()
    assert not torch.equal(plain.compute_loss(model, batch), meddled.compute_loss(model, batch))


def test_without_a_teacher_only_the_text_teaches(make_llama, make: Make, batch: Batch) -> None:
    model = make_llama(seed=1)
    loss = make(model, label_weight=0.2).compute_loss(model, batch)
    read = {name: batch[name] for name in ("input_ids", "position_ids", "labels")}
    torch.testing.assert_close(loss, model(**read, use_cache=False).loss)


def test_draws_differ_by_step_and_seed_and_repeat_with_them(make_llama, fit) -> None:
    def drawn(seed: int) -> list[float]:
        watcher = Watcher()
        fit(make_llama(), num_steps=3, seed=seed, regularizers=[watcher])
        return watcher.draws

    first = drawn(0)
    assert len(set(first)) == 3 and drawn(0) == first
    assert not set(drawn(1)) & set(first)


def test_micro_batches_of_a_step_draw_differently_and_the_first_as_a_whole_batch_does(
    make_llama, fit
) -> None:
    whole, parts = Watcher(), Watcher()
    fit(make_llama(), num_steps=2, batch_size=4, regularizers=[whole])
    fit(make_llama(), num_steps=2, batch_size=2, accumulation=2, regularizers=[parts])
    assert len(set(parts.draws)) == 4 and parts.draws[::2] == whole.draws


def test_what_regularizers_measure_is_logged(make_llama, fit, tmp_path: Path) -> None:
    class Counting(Regularizer):
        def __init__(self) -> None:
            super().__init__()
            self.calls = 0

        def metrics(self):
            self.calls += 1
            return {"counting/calls": float(self.calls)}

    fit(make_llama(), tmp_path, num_steps=2, log_steps=1, regularizers=[Counting()])
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").open()]
    assert [row["counting/calls"] for row in rows] == [1.0, 2.0]


def test_each_sequence_is_taught_with_its_own_part_of_the_map(
    make_llama, make: Make, make_map, batch: Batch
) -> None:
    seen = []

    class Reader(Regularizer):
        def edit_batch(self, batch, memory, generator):
            seen.append(memory)
            return batch

        def edit_signal(self, signal, batch, memory, generator):
            seen.append(memory)
            return signal

    model, memory_map = make_llama().train(), make_map()
    shuffled = {name: value[[2, 0, 3]] for name, value in batch.items()}
    make(model, memory_map=memory_map, regularizers=[Reader()]).compute_loss(model, shuffled)
    taught_BT = shuffled["labels"] != IGNORED
    assert len(seen) == 2
    for memory in seen:
        assert torch.equal(memory.score_N, memory_map.score_ST[[2, 0, 3]][taught_BT])
        assert torch.equal(memory.score_BT, memory_map.score_ST[[2, 0, 3]])


def groups(distiller: Distiller) -> list[tuple[float, float, list[str]]]:
    """Rate, decay and parameters by name of each of the optimizer's groups."""
    optimizer = distiller.create_optimizer()
    names = {id(weight): name for name, weight in distiller.model.named_parameters()}
    return [
        (group["lr"], group["weight_decay"], [names[id(weight)] for weight in group["params"]])
        for group in optimizer.param_groups
    ]


@pytest.mark.parametrize("tied", [True, False])
def test_the_embedding_has_a_learning_rate_of_its_own(make_llama, make: Make, tied: bool) -> None:
    model = make_llama(tie_word_embeddings=tied)
    before = groups(make(model))
    *rest, (rate, decay, own) = groups(make(model, embedding_learning_rate=0.25))
    assert (rate, own) == (0.25, ["model.embed_tokens.weight"])
    assert decay == before[0][1], "decayed as before"
    assert rest == [(r, d, [name for name in names if name not in own]) for r, d, names in before]
    told = [name for *_, names in [*rest, (0, 0, own)] for name in names]
    assert sorted(told) == sorted(name for name, _ in model.named_parameters()), "each once"
    assert tied == ("lm_head.weight" not in told)


def test_without_a_rate_of_its_own_the_groups_are_the_trainers(make_llama, make: Make) -> None:
    distiller = make(make_llama())
    theirs = Trainer.create_optimizer(make(distiller.model)).param_groups
    ours = distiller.create_optimizer().param_groups
    assert len(ours) == len(theirs) == 2
    for group, own in zip(theirs, ours, strict=True):
        assert group.keys() == own.keys() and group["lr"] == own["lr"]
        assert [id(weight) for weight in group["params"]] == [id(w) for w in own["params"]]


def test_each_rate_moves_its_own_weights(make_llama, fit) -> None:
    start = make_llama().state_dict()
    still = {
        name
        for name, weight in fit(make_llama(), embedding_learning_rate=0.0).items()
        if torch.equal(weight, start[name])
    }
    assert still == {"model.embed_tokens.weight", "lm_head.weight"}
