"""The student's start: nothing, or the teacher's weights."""

from collections.abc import Callable, Iterator

import pytest
import torch
from datasets import Dataset

from core.curvature import batches_of
from core.errors import UserError
from core.kfac import Batch
from core.student import fresh_student, inherited_student


@pytest.fixture
def batches(sequences: Dataset) -> Callable[[], Iterator[Batch]]:
    return lambda: batches_of(sequences, 8, seed=0)


def unread() -> Iterator[Batch]:
    raise AssertionError("no text is read")


def test_a_fresh_student_has_the_asked_sizes_and_nothing_of_the_teacher(make_llama) -> None:
    teacher = make_llama(seed=5)
    student = fresh_student(teacher.config, {"num_hidden_layers": 1, "hidden_size": 8}, seed=5)
    assert student.config.num_hidden_layers == 1 and student.config.hidden_size == 8
    assert teacher.config.num_hidden_layers == 2, "the teacher's own is left alone"
    same, other = (fresh_student(teacher.config, {}, seed=s).state_dict() for s in (3, 4))
    again = fresh_student(teacher.config, {}, seed=3).state_dict()
    assert all(torch.equal(same[name], again[name]) for name in same)
    assert not torch.equal(same["lm_head.weight"], other["lm_head.weight"])


def test_the_random_state_is_left_alone(make_llama) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    fresh_student(make_llama().config, {}, seed=9)
    assert torch.equal(torch.rand(3), expected)


def test_an_inherited_student_is_the_teacher_to_the_bit_and_shares_no_memory(make_llama) -> None:
    teacher = make_llama()
    same = {"num_hidden_layers": 2, "intermediate_size": 32, "hidden_size": 16}
    for changes in ({}, same):
        student = inherited_student(teacher, changes, 1, unread)
        assert type(student) is type(teacher)
        for name, weight in teacher.state_dict().items():
            assert torch.equal(student.state_dict()[name], weight)
    with torch.no_grad():
        student.lm_head.weight.zero_()
    assert teacher.lm_head.weight.any()


def test_the_important_stays_otherwise(make_llama, batches) -> None:
    teacher = make_llama(num_hidden_layers=4)
    with torch.no_grad():
        for number in (0, 2):
            for matrix in ("self_attn.o_proj", "mlp.down_proj"):
                teacher.model.layers[number].get_submodule(matrix).weight.mul_(1e-3)
        for number in (1, 3):
            teacher.model.layers[number].mlp.down_proj.weight[:, :24] = 0
    changes = {"num_hidden_layers": 2, "intermediate_size": 8}
    student = inherited_student(teacher, changes, 1, batches)
    for own, from_ in enumerate((1, 3)):
        kept, whole = student.model.layers[own], teacher.model.layers[from_]
        assert torch.equal(kept.self_attn.q_proj.weight, whole.self_attn.q_proj.weight)
        assert torch.equal(kept.mlp.up_proj.weight, whole.mlp.up_proj.weight[24:])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_hidden_layers": 3}, "num_hidden_layers=3 is more than the teacher's 2"),
        ({"intermediate_size": 33}, "intermediate_size=33 is more than the teacher's 32"),
        ({"intermediate_size": 0}, "intermediate_size=0 is not a part of the teacher's 32"),
        ({"hidden_size": 8}, "hidden_size=8 has no counterpart in the teacher, whose is 16"),
        ({"hiden_size": 8}, "did you mean 'hidden_size'?"),
    ],
)
def test_what_cannot_be_inherited_is_refused(make_llama, changes: dict, said: str) -> None:
    with pytest.raises(UserError) as caught:
        inherited_student(make_llama(), changes, 1, unread)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_fresh_student_refuses_an_unknown_size(make_llama) -> None:
    with pytest.raises(UserError, match=r"student\.num_layers: LlamaConfig has no such size"):
        fresh_student(make_llama().config, {"num_layers": 8}, seed=0)
