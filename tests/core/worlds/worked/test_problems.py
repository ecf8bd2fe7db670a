"""Every family: solutions that its checker takes, and what it refuses."""

from random import Random

import pytest

from core.errors import UserError
from core.worlds.worked.families import FAMILIES, PARTS, problem_of, problems
from core.worlds.worked.problem import JOINT, Family, Problem, steps_of


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    return FAMILIES[request.param]


def some(family: Family) -> list[Problem]:
    return [
        problem
        for longer in (False, True)
        for problem in problems("test", 20, [family.name], longer=longer)
    ]


def test_a_problem_is_found_again_by_its_prompt(family: Family) -> None:
    for problem in some(family):
        found = problem_of(problem.prompt)
        assert found is not None
        assert (found.family, found.length) == (family.name, problem.length)
        assert found.solution() == problem.solution()


def test_every_beginning_of_a_right_solution_is_right(family: Family) -> None:
    for problem in some(family):
        words = problem.solution(Random(0)).split()
        for count in range(len(words) + 1):
            assert problem.is_right_so_far(" ".join(words[:count]))
        assert problem.is_solved(" ".join(words))
        assert problem.num_right(" ".join(words)) == problem.length + 1


def test_a_wrong_word_is_noticed_at_once_and_for_good(family: Family) -> None:
    for problem in some(family):
        steps = steps_of(problem.solution())
        first, *rest = steps[0].split()
        wrong = " ".join(["#", *rest])
        assert not problem.is_right_so_far("#")
        assert not problem.is_right_so_far(JOINT.join([wrong, *steps[1:]]))
        assert problem.num_right(JOINT.join([wrong, *steps[1:]])) == 0
        assert problem.num_right(JOINT.join([steps[0], wrong])) == 1
        assert first != "#"


def test_the_answer_counts_whatever_stands_before_it(family: Family) -> None:
    for problem in some(family):
        *_, answer = steps_of(problem.solution())
        assert problem.is_solved(JOINT.join(["# #", answer]))
        assert not problem.is_solved(answer + " #")
        assert not problem.is_solved(problem.solution().rpartition(JOINT)[0])


def test_lengths_are_those_asked_for(family: Family) -> None:
    assert max(family.longer) == 2 * max(family.inside)
    assert not set(family.inside) & set(family.longer)
    for longer, lengths in ((False, family.inside), (True, family.longer)):
        drawn = {p.length for p in problems("test", 60, [family.name], longer=longer)}
        assert drawn == set(lengths)


def test_no_problem_is_in_two_parts() -> None:
    drawn = {part: {p.prompt for p in problems("test", 500, part=part)} for part in PARTS}
    assert all(len(prompts) == 500 for prompts in drawn.values())
    assert not drawn["corpus"] & drawn["value"] and not drawn["corpus"] & drawn["evaluation"]
    assert not drawn["value"] & drawn["evaluation"]


@pytest.mark.parametrize(
    "prompt",
    [
        "Add: 1 2 + 3 =>",
        "Swap: a a =>",
        "Move: a b c | 1 4 =>",
        "Chain: a b , c d =>",
        "Path: a b | a c =>",
        "Evaluate: true and false =>",
    ],
)
def test_what_is_no_problem_is_none(prompt: str) -> None:
    assert problem_of(prompt) is None


def test_a_path_may_go_any_way_that_leads_to_the_goal() -> None:
    problem = problem_of("Path: a b , a c , b d , c d , a e | a d =>")
    assert problem is not None
    assert problem.is_solved("a b ; b d ; so a b d") and problem.is_solved("a c ; c d ; so a c d")
    assert problem.is_right_so_far("a c ; c") and not problem.is_right_so_far("a e")
    assert not problem.is_solved("a e ; so a e d")


def test_a_carry_is_carried() -> None:
    problem = problem_of("Add: 9 5 + 8 =>".replace("8", "0 8"))
    assert problem is not None
    assert problem.solution() == "5 8 0 3 1 ; 9 0 1 0 1 ; so 1 0 3"


def test_a_family_without_a_checker_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(UserError, match=r"'reading' has no checker.*addition, swaps"):
        problems("test", 1, ["reading"])
