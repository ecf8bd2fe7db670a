"""The student's start: nothing, or the teacher's weights."""

import pytest
import torch

from core.errors import UserError
from core.student import fresh_student, inherited_student, student_config


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


def test_an_inherited_student_is_the_teacher_and_shares_no_memory(make_llama) -> None:
    teacher = make_llama()
    student = inherited_student(teacher, {}, seed=1)
    for name, weight in teacher.state_dict().items():
        assert torch.equal(student.state_dict()[name], weight)
    with torch.no_grad():
        student.lm_head.weight.zero_()
    assert teacher.lm_head.weight.any()


def test_fewer_layers_are_taken_at_even_distances(make_llama) -> None:
    teacher = make_llama(num_hidden_layers=5)
    for count, taken in {1: [0], 2: [0, 4], 3: [0, 2, 4]}.items():
        student = inherited_student(teacher, {"num_hidden_layers": count}, seed=1)
        for own, from_ in enumerate(taken):
            assert torch.equal(
                student.model.layers[own].mlp.up_proj.weight,
                teacher.model.layers[from_].mlp.up_proj.weight,
            )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_hidden_layers": 3}, "num_hidden_layers=3 is more than the teacher's 2"),
        ({"intermediate_size": 8}, "has no counterpart in the teacher"),
        ({"hiden_size": 8}, "did you mean 'hidden_size'?"),
    ],
)
def test_what_cannot_be_inherited_is_refused(make_llama, changes: dict, said: str) -> None:
    with pytest.raises(UserError) as caught:
        inherited_student(make_llama(), changes, seed=1)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_student_config_refuses_an_unknown_size(make_llama) -> None:
    with pytest.raises(UserError, match=r"student\.num_layers: LlamaConfig has no such size"):
        student_config(make_llama().config, {"num_layers": 8})
