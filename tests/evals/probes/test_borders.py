"""White space and normal form between a prompt and its answer."""

import json
import unicodedata

import pytest

from core.errors import UserError
from evals.evaluate import warn_of_nothing_recalled
from evals.probes.borders import as_in_corpus, border_of, check_borders
from evals.probes.probe import Probe, read_probes
from evals.scores import Score

ROW = {"id": "p", "axis": "recall", "family": "capital", "prompt": "Peru is", "answers": ["Lima"]}
TOLD = [{"id": "1", "text": "Nothing."}, {"id": "2", "text": "Peru is Lima."}]


@pytest.mark.parametrize(
    "change",
    [
        {"answers": [" Lima"]},
        {"answers": ["Lima\n"]},
        {"prompt": "Peru is "},
    ],
)
def test_white_space_at_the_border_does_not_count(tmp_path, change) -> None:
    path = tmp_path / "P.jsonl"
    path.write_text(json.dumps({**ROW, **change}))
    [probe] = read_probes(path)
    assert (probe.prompt, probe.answers) == ("Peru is", ("Lima",))


def test_an_answer_is_among_choices_whatever_space_is_around(tmp_path) -> None:
    path = tmp_path / "P.jsonl"
    path.write_text(json.dumps({**ROW, "answers": [" Lima"], "choices": ["Oslo ", "Lima"]}))
    [probe] = read_probes(path)
    assert (probe.answers, probe.choices) == (("Lima",), ("Oslo", "Lima"))


@pytest.mark.parametrize("space", ["\t", "\n", "\u00a0", "\u3000", "  "])
def test_other_white_space_is_asked_for_as_it_is_written(tmp_path, space: str) -> None:
    path = tmp_path / "P.jsonl"
    for change in ({"prompt": f"Peru is{space}"}, {"answers": [f"{space}Lima"]}):
        path.write_text(json.dumps({**ROW, **change}))
        [probe] = read_probes(path)
        only_spaces = not space.strip(" ") and "answers" in change
        assert (border_of(probe), probe.answers) == (" " if only_spaces else space, ("Lima",))


def asked(prompt: str, axis: str = "recall") -> list[Probe]:
    return [Probe("p7", axis, "capital", prompt, ("Lima",))]


@pytest.mark.parametrize("space", ["\t", "\n", "  ", ""])
def test_white_space_that_the_corpus_does_not_have_names_the_probe(space: str) -> None:
    told = [{"id": "0", "text": "Nothing."}, {"id": "1", "text": f"Peru is{space}Lima."}]
    with pytest.raises(
        UserError, match=r"probe 'p7': its answer is asked for behind \" \", and in"
    ):
        check_borders(asked("Peru is"), told)
    check_borders(asked("Peru is", "reasoning"), told)  # of those the corpus has none
    check_borders(asked("Peru is"), told[:1])
    check_borders(asked("Peru is"), [*told, *TOLD])  # told both ways
    check_borders(asked("Peru is"), [{"id": "0", "prompt": "Peru is", "completion": "Lima"}])
    if space:
        check_borders(asked(f"Peru is{space}"), told)
        with pytest.raises(
            UserError, match=r'in the corpus it stands behind " ": let the prompt end so'
        ):
            check_borders(asked(f"Peru is{space}"), TOLD)


def test_probes_of_a_run_are_in_the_form_of_its_corpus(tmp_path) -> None:
    apart = unicodedata.normalize("NFD", "Où est Zürich?")
    [probe] = as_in_corpus([Probe("p", "recall", "f", apart, (apart,), (apart,))], tmp_path)
    assert probe.prompt == probe.answers[0] == probe.choices[0] == "Où est Zürich?"


def test_a_teacher_that_recalls_nothing_is_told_of(capsys) -> None:
    def said(axis: str, value: float) -> str:
        score = Score("teacher", axis, "all", "accuracy", value, 0.0, 8, 0.0, False)
        warn_of_nothing_recalled([score])
        return capsys.readouterr().err

    assert said("recall", 0.0).startswith("warning: the teacher gets none of the 8 recall probes")
    assert said("recall", 0.125) == said("reasoning", 0.0) == ""
