"""What every regularizer in conf/forgetting keeps; a new one inherits these tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerFast, TrainingArguments

import conf
from core.config.build import build
from core.errors import UserError
from core.models.taught import IGNORED, taught_labels, taught_logits
from core.signal.divergence import TokenLosses
from core.signal.live import LiveTeacher
from core.signal.memory_map import MemoryMap
from core.signal.signal import Dense, MemorySlice, TeacherSignal
from core.training.distiller import Distiller
from core.training.loop import READ_BY_TRAINING
from core.training.regularizer import Batch, Regularizer
from forgetting.reference_lead import ReferenceLead

SHIPPED = sorted(path.stem for path in (Path(conf.__file__).parent / "forgetting").glob("*.yaml"))

Make = Callable[..., Regularizer]
Distilled = Callable[..., PreTrainedModel]
Loss = Callable[..., torch.Tensor]


@pytest.fixture(params=SHIPPED, scope="module")
def make(request: pytest.FixtureRequest, configure) -> Make:
    """Build a shipped regularizer with some of its arguments changed."""
    cfg = configure(f"forgetting=[{request.param}]").forgetting[request.param]
    return lambda **changes: build({**cfg, **changes})


@pytest.fixture(scope="session")
def distilled(
    make_llama, make_map, fit, sequences: Dataset, toy_tokenizer: PreTrainedTokenizerFast
) -> Distilled:
    """The folded student after some steps; it starts as its teacher."""

    def run(
        *regularizers: Regularizer, folder: Path | None = None, **settings: object
    ) -> PreTrainedModel:
        student, generator = make_llama(seed=2), torch.Generator().manual_seed(0)
        for regularizer in regularizers:
            regularizer.read_corpus(sequences, toy_tokenizer)
            regularizer.prepare_student(student, generator)
        fit(
            student,
            folder,
            **settings,
            teacher=LiveTeacher(make_llama(seed=2)),
            memory_map=make_map(),
            regularizers=regularizers,
            label_weight=0.5,
            confidence_floor=0.03,
        )
        for regularizer in regularizers:
            regularizer.fold(student)
        return student

    return run


@pytest.fixture(scope="session")
def plain(distilled: Distilled) -> PreTrainedModel:
    """The student after those steps without any regularizer."""
    return distilled()


@pytest.fixture(scope="session")
def diced(distilled: Distilled) -> PreTrainedModel:
    """The student of a run that `Dice` has part in alone."""
    return distilled(Dice())


@pytest.fixture(scope="module")
def made(make: Make, distilled: Distilled) -> PreTrainedModel:
    """The student that the regularizer, as it is shipped, makes."""
    return distilled(make())


def same(one: PreTrainedModel, other: PreTrainedModel) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Dice(Regularizer):
    """Draws in every hook, and lets the draws count."""

    def prepare_student(self, student, generator):
        with torch.no_grad():
            for weight in student.parameters():
                weight.add_(torch.randn(weight.shape, generator=generator), alpha=0.1)

    def edit_batch(self, batch, memory, generator):
        ids_BT = batch["input_ids"]
        return {**batch, "input_ids": ids_BT.roll(int(torch.randint(9, (), generator=generator)))}

    def edit_signal(self, signal, batch, memory, generator):
        return signal.with_(weight_N=torch.rand(signal.weight_N.shape, generator=generator))

    def edit_gradients(self, student, generator):
        for weight in student.parameters():
            weight.grad.add_(torch.randn(weight.shape, generator=generator), alpha=1e-3)


class Interrupter(Regularizer):
    """Stops the run in its third step."""

    steps = 0

    def penalty(self, signal):
        self.steps += 1
        if self.steps == 3:
            raise KeyboardInterrupt


class Silence(Regularizer):
    """No token counts."""

    def edit_signal(self, signal, batch, memory, generator):
        return signal.with_(weight_N=torch.zeros_like(signal.weight_N))


def test_it_is_built_from_its_file(make: Make) -> None:
    assert isinstance(make(), Regularizer) and make().strength > 0


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_outside_zero_to_one_is_refused(make: Make, strength: float) -> None:
    with pytest.raises(UserError, match="strength must lie between 0 and 1"):
        make(strength=strength)


def test_strength_zero_is_plain_distillation_bit_for_bit(
    make: Make, distilled: Distilled, plain: PreTrainedModel
) -> None:
    assert same(distilled(make(strength=0.0)), plain)


def test_strength_zero_leaves_what_others_draw(
    make: Make, distilled: Distilled, diced: PreTrainedModel
) -> None:
    assert same(distilled(make(strength=0.0), Dice()), diced)


def test_it_bears_activations_that_are_computed_again(
    make: Make, distilled: Distilled, made: PreTrainedModel
) -> None:
    assert same(distilled(make(), recompute=True), made)


def test_it_does_something_and_the_same_at_the_same_seed(
    make: Make, distilled: Distilled, made: PreTrainedModel, plain: PreTrainedModel
) -> None:
    assert not same(made, plain)
    assert same(made, distilled(make()))


def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    make: Make, distilled: Distilled, made: PreTrainedModel, tmp_path: Path
) -> None:
    folder = tmp_path / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        distilled(make(), Interrupter(), folder=folder, save_steps=2)
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["checkpoint-2"]
    assert same(distilled(make(), folder=folder, save_steps=2), made)


def test_it_leaves_a_stock_model(made: PreTrainedModel, make_llama, sequences: Dataset) -> None:
    stock = make_llama()
    stock.load_state_dict(made.state_dict())
    read = [torch.tensor(sequences[name][:2]) for name in ("input_ids", "position_ids", "labels")]
    logits = [taught_logits(model.train(), *read) for model in (made, stock)]
    assert torch.equal(*logits), "nothing but the weights is left of it"


@pytest.fixture
def batch(sequences: Dataset) -> Batch:
    return {name: torch.tensor(sequences[name][:4]) for name in READ_BY_TRAINING}


@pytest.fixture
def loss(
    make_llama, sequences: Dataset, toy_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> Loss:
    """The loss of one micro-batch whose gradients, as edited, are finite."""

    def run(batch: Batch, memory_map: MemoryMap, *regularizers: Regularizer) -> torch.Tensor:
        student, generator = make_llama(seed=1).train(), torch.Generator().manual_seed(0)
        for regularizer in regularizers:
            regularizer.read_corpus(sequences, toy_tokenizer)
            regularizer.prepare_student(student, generator)
        distiller = Distiller(
            model=student,
            args=TrainingArguments(output_dir=str(tmp_path), report_to="none", use_cpu=True),
            train_dataset=None,
            teacher=LiveTeacher(make_llama(seed=2)),
            memory_map=memory_map,
            regularizers=regularizers,
            label_weight=0.5,
            confidence_floor=0.03,
        )
        value = distiller.compute_loss(student, batch)
        value.backward()
        for regularizer in regularizers:
            regularizer.edit_gradients(student, generator)
        gradients = [weight.grad for weight in student.parameters() if weight.grad is not None]
        assert gradients and all(gradient.isfinite().all() for gradient in gradients)
        return value.detach()

    return run


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_batch_of_which_nothing_counts_has_no_loss(
    make: Make, make_map, batch: Batch, loss: Loss, strength: float
) -> None:
    regularizer = make(strength=strength)
    assert loss(batch, make_map(), Silence(), regularizer) == 0
    untaught = {**batch, "labels": torch.full_like(batch["labels"], IGNORED)}
    assert loss(untaught, make_map(score=0.0), regularizer) == 0


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_batch_all_or_nothing_of_which_is_flagged_is_finite(
    make: Make, make_map, batch: Batch, loss: Loss, score: float, strength: float
) -> None:
    assert loss(batch, make_map(score), make(strength=strength)).isfinite()


@pytest.fixture
def memory(make_map, batch: Batch) -> MemorySlice:
    return make_map().slice(batch["index"], batch["labels"])


@pytest.fixture
def signal(memory: MemorySlice) -> TeacherSignal:
    """A teacher's signal for the batch."""
    generator, count = torch.Generator().manual_seed(3), len(memory.score_N)
    return TeacherSignal(
        Dense(torch.randn(count, 320, generator=generator).log_softmax(-1)),
        torch.rand(count, generator=generator),
        torch.full((count,), 0.5),
    )


def edited(
    regularizer: Regularizer,
    student: PreTrainedModel,
    batch: Batch,
    signal: TeacherSignal,
    memory: MemorySlice,
    sequences: Dataset,
    tokenizer: PreTrainedTokenizerFast,
) -> TeacherSignal:
    """The signal after the hooks of one step."""
    generator = torch.Generator().manual_seed(0)
    regularizer.read_corpus(sequences, tokenizer)
    regularizer.prepare_student(student, generator)
    regularizer.edit_batch(batch, memory, generator)
    return regularizer.edit_signal(signal, batch, memory, generator)


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_tokens_that_are_not_flagged_keep_their_loss(
    make: Make,
    make_llama,
    batch: Batch,
    signal: TeacherSignal,
    memory: MemorySlice,
    sequences: Dataset,
    toy_tokenizer: PreTrainedTokenizerFast,
    strength: float,
) -> None:
    regularizer = make(strength=strength)
    if not regularizer.needs_memory_map:
        pytest.skip("it doesn't tell flagged tokens from others")
    if isinstance(regularizer, ReferenceLead):
        pytest.skip("it is for those that aren't flagged")
    rest_N, labels_N = ~memory.flagged_N, taught_labels(batch["labels"])
    assert rest_N.any() and memory.flagged_N.any()
    logits_NV = torch.randn(len(rest_N), 320, generator=torch.Generator().manual_seed(4))
    after = edited(regularizer, make_llama(), batch, signal, memory, sequences, toy_tokenizer)

    def taught(signal: TeacherSignal) -> tuple[torch.Tensor, torch.Tensor]:
        gradient_NV = logits_NV.clone()
        return TokenLosses(labels_N, signal)(gradient_NV, slice(0, len(rest_N))), gradient_NV

    for was, now in zip(taught(signal), taught(after), strict=True):
        assert torch.equal(now[rest_N], was[rest_N]), "losses and gradients"
    penalty_N = regularizer.penalty(after)
    assert penalty_N is None or not penalty_N[rest_N].any()


def test_what_it_is_given_is_not_changed(
    make: Make,
    make_llama,
    batch: Batch,
    signal: TeacherSignal,
    memory: MemorySlice,
    sequences: Dataset,
    toy_tokenizer: PreTrainedTokenizerFast,
) -> None:
    given = [
        *batch.values(),
        *(signal.target.logprobs_NV, signal.weight_N, signal.label_weight_N),
        *(memory.score_N, memory.flagged_N, memory.score_BT, memory.reference.logprobs_NK),
    ]
    before = [tensor.clone() for tensor in given]
    edited(make(), make_llama(), batch, signal, memory, sequences, toy_tokenizer)
    assert all(torch.equal(a, b) for a, b in zip(before, given, strict=True))
