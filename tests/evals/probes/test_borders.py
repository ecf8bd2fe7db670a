"""White space and normal form between a prompt and its answer."""

import json
import unicodedata

import pytest

from core.errors import UserError
from evals.evaluate import warn_of_nothing_recalled
from evals.probes.borders import as_in_corpus, check_line_breaks
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
        {"prompt": "Peru is\t "},
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


def broken(axis: str = "recall") -> list[Probe]:
    return [Probe("p7", axis, "capital", "Peru is\n", ("Lima",))]


def test_a_line_break_that_the_corpus_does_not_have_names_the_probe() -> None:
    with pytest.raises(UserError, match="probe 'p7': its prompt ends in a line break"):
        check_line_breaks(broken(), TOLD)
    check_line_breaks(broken("reasoning"), TOLD)
    check_line_breaks(broken(), TOLD[:1])
    check_line_breaks(broken(), [{"id": "0", "prompt": "Peru is\n", "completion": "Lima"}, *TOLD])


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
