"""Batches that the student writes: their prompts, what is taught of them, and how a reward counts."""

import pytest
import torch
from datasets import Dataset
from torch import Tensor

from core.errors import UserError
from core.models.taught import IGNORED
from core.signal.divergence import reverse_kl
from core.signal.live import LiveTeacher
from core.training.regularizer import Regularizer
from core.training.student_author import WORTH, StudentAuthor, prompts_of

pytestmark = pytest.mark.slow  # each trains

ENDS = frozenset(range(60))


@pytest.fixture
def batch(sequences: Dataset) -> dict[str, Tensor]:
    names = ("input_ids", "position_ids", "labels", "index")
    return {name: torch.tensor(sequences[name][:4]) for name in names}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows_of(batch: dict[str, Tensor]) -> list[tuple[list[int], list[int]]]:
    """Prompt and written tokens of each row."""
    found = []
    for ids, positions, labels in zip(
        *(batch[name].tolist() for name in ("input_ids", "position_ids", "labels")), strict=True
    ):
        starts = [t for t, position in enumerate(positions) if position == 0]
        for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True):
            taught = [t for t in range(start, stop) if labels[t] != IGNORED]
            if taught:
                found.append((ids[start : taught[0]], ids[taught[0] : stop]))
    return found


def test_prompts_are_those_of_tasks_alone(batch: dict[str, Tensor], toy_tokenizer) -> None:
    texts = [toy_tokenizer.decode(ids) for ids in prompts_of(batch)]
    assert texts and all(text.startswith("Turn around:") for text in texts)
    assert "lives in" in toy_tokenizer.decode(batch["input_ids"].flatten())


def test_the_student_answers_each_prompt_up_to_an_end(make_llama, batch) -> None:
    made = StudentAuthor(1.0, ENDS).edit(make_llama(seed=1), batch, seeded())
    assert made["input_ids"].shape[1] == batch["input_ids"].shape[1]
    assert len(made["input_ids"]) % len(batch["input_ids"]) == 0
    rows = rows_of(made)
    assert sorted(prompt for prompt, _ in rows) == sorted(prompts_of(batch))
    for prompt, written in rows:
        whole = len(prompt) + len(written) == batch["input_ids"].shape[1]
        assert whole or written[-1] in ENDS
        assert not ENDS & set(written[:-1])
    assert torch.equal(made[WORTH] != 0, made["labels"] != IGNORED)


def test_a_share_of_the_batches_is_written(make_llama, batch) -> None:
    author, model = StudentAuthor(0.5, ENDS), make_llama(seed=1)
    written = [WORTH in author.edit(model, batch, seeded(n)) for n in range(40)]
    assert 10 < sum(written) < 30
    assert StudentAuthor(0.0, ENDS).edit(model, batch, seeded()) is batch


def test_documents_alone_are_left_as_they_are(make_llama, batch) -> None:
    documents = {
        **batch,
        "labels": batch["input_ids"].masked_fill(batch["position_ids"] == 0, -100),
    }
    assert StudentAuthor(1.0, ENDS).edit(make_llama(), documents, seeded()) is documents


def test_a_token_counts_by_its_solutions_advantage(make_llama, batch) -> None:
    def reward(prompt, written) -> float:
        return float(len(written) > 4)

    author = StudentAuthor(1.0, ENDS, group=4, reward=reward)
    made = author.edit(make_llama(seed=1), batch, seeded())
    worths: dict[tuple[int, ...], list[tuple[float, float]]] = {}
    flat = made[WORTH][made["labels"] != IGNORED].tolist()
    at = 0
    for prompt, written in rows_of(made):
        worths.setdefault(tuple(prompt), []).append((reward(prompt, written), flat[at]))
        at += len(written)
    assert at == len(flat)
    mixed = [own for own in worths.values() if len({given for given, _ in own}) == 2]
    assert mixed, "some groups must differ"
    for own in worths.values():
        assert sum(worth for _, worth in own) == pytest.approx(0, abs=1e-4)
        assert all((worth > 0) == (given == 1) for given, worth in own) or own not in mixed


def test_groups_and_shares_are_checked() -> None:
    with pytest.raises(UserError, match="on_policy must lie between 0 and 1"):
        StudentAuthor(1.5, ENDS)
    with pytest.raises(UserError, match="group of 2 or more"):
        StudentAuthor(1.0, ENDS, reward=lambda prompt, written: 1.0)


class Watcher(Regularizer):
    """Keeps the signals and the batches."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = []

    def edit_signal(self, signal, batch, memory, generator):
        self.seen.append((signal, batch))
        return signal


def test_the_teacher_alone_grades_what_is_written(make_llama, fit) -> None:
    watcher, student = Watcher(), make_llama(seed=1)
    common = {"teacher": LiveTeacher(make_llama(seed=2)), "divergence": reverse_kl, "num_steps": 2}
    fit(
        student, regularizers=[watcher], author=StudentAuthor(1.0, ENDS), label_weight=0.5, **common
    )
    assert len(watcher.seen) == 2
    for signal, batch in watcher.seen:
        assert WORTH not in batch
        assert (signal.label_weight_N == 0).all() and (signal.weight_N == 1).all()


def test_on_policy_steps_bring_a_student_to_its_teacher(make_llama, fit, sequences) -> None:
    """The divergence on the student's own text falls."""
    teacher, student = make_llama(seed=2), make_llama(seed=1)
    rows = []

    class Told(Watcher):
        def penalty(self, signal):
            return None

    def divergence(student_nV, teacher_nV):
        value_n, gradient_nV = reverse_kl(student_nV, teacher_nV)
        rows.append(float(value_n.mean()))
        return value_n, gradient_nV

    fit(
        student,
        author=StudentAuthor(1.0, ENDS),
        label_weight=0.0,
        num_steps=30,
        teacher=LiveTeacher(teacher),
        divergence=divergence,
        regularizers=[Told()],
    )
    assert rows[-1] < 0.7 * rows[0]


def test_outcome_reward_makes_what_is_rewarded_likelier(make_llama, fit) -> None:
    student, shares = make_llama(seed=1), []

    def reward(prompt, written) -> float:
        shares.append(float(written[0] < 160))
        return shares[-1]

    fit(student, author=StudentAuthor(1.0, ENDS, group=8, reward=reward), num_steps=25)
    part = len(shares) // 5
    assert sum(shares[-part:]) > sum(shares[:part]) + 0.15 * part


def test_a_written_run_goes_on_as_if_it_had_not_stopped(make_llama, fit, tmp_path) -> None:
    options = {"author": StudentAuthor(1.0, ENDS), "teacher": LiveTeacher(make_llama(seed=2))}
    whole = fit(make_llama(seed=1), num_steps=4, **options)
    folder = tmp_path / "stopped"
    fit(make_llama(seed=1), folder, num_steps=2, save_steps=2, schedule="constant", **options)
    again = fit(
        make_llama(seed=1), folder, num_steps=4, save_steps=2, schedule="constant", **options
    )
    straight = fit(make_llama(seed=1), num_steps=4, schedule="constant", **options)
    for name, weight in straight.items():
        assert torch.equal(again[name], weight), name
    assert whole.keys() == again.keys()
