"""What every regularizer in conf/forgetting keeps; a new one inherits these tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedModel, TrainingArguments

import conf
from core.build import build
from core.distiller import Distiller
from core.errors import UserError
from core.regularizer import Regularizer
from core.signal import MemorySlice, TeacherSignal
from core.teacher.live import LiveTeacher

SHIPPED = sorted(path.stem for path in (Path(conf.__file__).parent / "forgetting").glob("*.yaml"))

Make = Callable[..., Regularizer]


@pytest.fixture(params=SHIPPED, scope="module")
def make(request: pytest.FixtureRequest, configure) -> Make:
    """Build a shipped regularizer with some of its arguments changed."""
    cfg = configure(f"forgetting=[{request.param}]").forgetting[request.param]
    return lambda **changes: build({**cfg, **changes})


@pytest.fixture
def distilled(make_llama, make_map, fit) -> Callable[..., dict[str, Tensor]]:
    """A student's weights after some steps from a noised start; its start is the teacher."""

    def run(*regularizers: Regularizer, seed: int = 0) -> dict[str, Tensor]:
        student, generator = make_llama(seed=2), torch.Generator().manual_seed(seed)
        for regularizer in regularizers:
            regularizer.prepare_student(student, generator)
        return fit(
            student,
            seed=seed,
            teacher=LiveTeacher(make_llama(seed=2)),
            memory_map=make_map(),
            regularizers=regularizers,
            label_weight=0.5,
            confidence_floor=0.03,
        )

    return run


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_it_is_built_from_its_file(make: Make) -> None:
    assert isinstance(make(), Regularizer) and make().strength > 0


def test_strength_zero_is_plain_distillation_bit_for_bit(make: Make, distilled) -> None:
    assert same(distilled(make(strength=0.0)), distilled())


def test_at_its_own_strength_it_does_something(make: Make, distilled) -> None:
    assert not same(distilled(make()), distilled())


def test_the_same_seed_gives_the_same_weights(make: Make, distilled) -> None:
    assert same(distilled(make()), distilled(make()))


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_outside_zero_to_one_is_refused(make: Make, strength: float) -> None:
    with pytest.raises(UserError, match="strength must lie between 0 and 1"):
        make(strength=strength)


def finite_step(
    model: PreTrainedModel, regularizer: Regularizer, folder: Path, batch: dict, **options: object
) -> bool:
    arguments = TrainingArguments(output_dir=str(folder), report_to="none", use_cpu=True)
    distiller = Distiller(
        model=model, args=arguments, train_dataset=None, regularizers=[regularizer], **options
    )
    loss = distiller.compute_loss(model.train(), batch)
    loss.backward()
    grads = [weight.grad for weight in model.parameters() if weight.grad is not None]
    return bool(loss.isfinite()) and all(grad.isfinite().all() for grad in grads)


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("flagged", [0.0, 1.0])
@pytest.mark.parametrize("taught", [True, False])
def test_a_batch_all_flagged_or_all_masked_is_finite(
    make: Make,
    make_llama,
    make_map,
    sequences: Dataset,
    tmp_path: Path,
    taught: bool,
    flagged: float,
    strength: float,
) -> None:
    names = ("input_ids", "position_ids", "labels", "index")
    batch = {name: torch.tensor(sequences[name][:2]) for name in names}
    memory_map = make_map(score=flagged if taught else 0.0)
    if not taught:
        batch["labels"] = torch.full_like(batch["labels"], -100)
    assert finite_step(
        make_llama(seed=1),
        make(strength=strength),
        tmp_path,
        batch,
        teacher=LiveTeacher(make_llama(seed=2)),
        memory_map=memory_map,
        label_weight=0.5,
        confidence_floor=0.03,
    )


@pytest.fixture
def told(make_map, sequences: Dataset) -> tuple[TeacherSignal, MemorySlice]:
    """A teacher's signal for a batch, and the map beside it."""
    labels_BT = torch.tensor(sequences["labels"][:4])
    memory = make_map().slice(torch.arange(4), labels_BT)
    generator = torch.Generator().manual_seed(3)
    count = len(memory.score_N)
    signal = TeacherSignal(
        torch.randn(count, 320, generator=generator).log_softmax(-1),
        torch.rand(count, generator=generator),
        torch.full((count,), 0.5),
    )
    return signal, memory


def test_tokens_that_are_not_flagged_are_taught_as_before(make: Make, told) -> None:
    signal, memory = told
    rest_N = ~memory.flagged_N
    assert rest_N.any() and memory.flagged_N.any()
    for strength in (0.3, 1.0):
        edited = make(strength=strength).edit_signal(signal, memory, torch.Generator())
        for name in ("logprobs_NV", "weight_N", "label_weight_N"):
            assert torch.equal(getattr(edited, name)[rest_N], getattr(signal, name)[rest_N])


def test_what_it_is_given_is_not_changed(make: Make, told) -> None:
    signal, memory = told
    before = [x.clone() for x in (signal.logprobs_NV, signal.weight_N, signal.label_weight_N)]
    make().edit_signal(signal, memory, torch.Generator())
    after = [signal.logprobs_NV, signal.weight_N, signal.label_weight_N]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_it_leaves_a_stock_architecture(make: Make, make_llama) -> None:
    student, names = make_llama(), list(make_llama().state_dict())
    regularizer = make()
    regularizer.prepare_student(student, torch.Generator())
    regularizer.fold(student)
    assert list(student.state_dict()) == names
