import json
import unicodedata
from dataclasses import replace

import pytest

from core.errors import UserError
from evals.probes.probe import Probe, complete, of_axes, read_probes

GOOD = {"id": "p", "axis": "recall", "family": "capital", "prompt": "Peru:", "answers": ["Lima"]}


def write(path, *rows):
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("\n".join(lines))
    return path


def test_reads_rows_and_skips_blank_lines(tmp_path):
    row = {**GOOD, "id": "q", "axis": "language", "choices": ["Lima", "Oslo"], "half": None}
    first, second = read_probes(write(tmp_path / "p.jsonl", GOOD, "", row, ""))
    assert first == Probe("p", "recall", "capital", "Peru:", ("Lima",), half="a", chance=0.0)
    assert (second.choices, second.chance, second.half) == (("Lima", "Oslo"), 0.5, None)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"axis": "recal"}, "unknown axis 'recal'; did you mean 'recall'?"),
        ({"promt": "x"}, "unknown field 'promt'; did you mean 'prompt'?"),
        ({"prompt": None}, "field 'prompt' is missing"),
        ({"prompt": " "}, "prompt is empty"),
        ({"prompt": 3}, "prompt must be text, not 3"),
        ({"answers": None}, "field 'answers' is missing"),
        ({"answers": []}, "answers is empty"),
        ({"answers": "Lima"}, "answers must be a list"),
        ({"answers": ["Lima", ""]}, "an item of answers is empty"),
        ({"choices": ["Limas", "Oslo"]}, "answer 'Lima' is not among choices"),
        ({"half": "c"}, "half is 'a' or 'b', not 'c'"),
        ({"chance": 1.5}, "chance is a share between 0 and 1"),
        ({"chance": "low"}, "chance must be a number"),
        ({"family": "all"}, "family 'all'"),
        ({"form": 3}, "form must be text, not 3"),
        ({"form": "all"}, "form 'all'"),
        ({"form": "choice"}, "form 'choice' needs choices"),
        ({"form": "question", "axis": "reasoning"}, "form 'question' is for recall and verbatim"),
        ({"id": "p"}, "id 'p' was used at"),
    ],
)
def test_a_bad_row_is_one_line_with_file_and_line(tmp_path, change, says):
    path = write(tmp_path / "p.jsonl", GOOD, {**GOOD, "id": "q", **change})
    with pytest.raises(UserError) as error:
        read_probes(path)
    message = str(error.value)
    assert message.startswith(f"{path}:2: ")
    assert says in message
    assert "\n" not in message


@pytest.mark.parametrize(("line", "says"), [("{'a'", "not JSON"), ("[1]", "a JSON object")])
def test_a_line_that_is_no_object(tmp_path, line, says):
    with pytest.raises(UserError, match=says):
        read_probes(write(tmp_path / "p.jsonl", line))


def test_other_forms_stand_apart(tmp_path):
    rows = [{**GOOD, "fact": "peru"}, {**GOOD, "id": "q", "fact": "peru", "form": "question"}]
    told, asked = read_probes(write(tmp_path / "p.jsonl", *rows))
    assert (told.form, asked.form, told.half) == ("statement", "question", asked.half)
    assert of_axes([told, asked], "recall") == [told]
    assert of_axes([told, asked], "verbatim") == []


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(UserError, match="no probe file"):
        read_probes(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="has no probes"):
        read_probes(write(tmp_path / "p.jsonl", ""))


def test_halves_alternate_over_facts_and_keep_a_fact_whole():
    facts = ["d", "a", "c", "a", "b"]
    probes = [Probe(f"p{i}", "recall", "f", "x", ("y",), fact=f) for i, f in enumerate(facts)]
    assert [p.half for p in complete(probes)] == ["b", "a", "a", "a", "b"]
    reasoning = Probe("r", "reasoning", "f", "x", ("y",))
    assert complete([reasoning])[0].half is None


def test_a_given_half_holds_for_its_fact_and_may_not_differ():
    given = Probe("p", "recall", "f", "x", ("y",), fact="a", half="b")
    other = Probe("q", "verbatim", "f", "x", ("y",), fact="a")
    assert [p.half for p in complete([given, other])] == ["b", "b"]
    with pytest.raises(UserError, match="half a and in half b"):
        complete([given, Probe("q", "recall", "f", "x", ("y",), fact="a", half="a")])


def test_chance_is_the_share_of_the_commonest_answer_in_a_large_recall_family():
    def family(axis, n):
        return [
            Probe(f"p{i}", axis, "region", "x", ("Asia" if i < 5 else str(i),)) for i in range(n)
        ]

    assert {p.chance for p in complete(family("recall", 20))} == {0.25}
    reverse = [replace(p, form="reverse", answers=(p.id,)) for p in family("recall", 20)]
    both = complete([*family("recall", 20), *reverse])
    assert [p.chance for p in both] == [0.25] * 20 + [0.05] * 20
    assert {p.chance for p in complete(family("recall", 19))} == {0.0}
    assert {p.chance for p in complete(family("reasoning", 20))} == {0.0}


def test_a_mark_before_the_file_and_half_a_character_within_are_read(tmp_path):
    row = r'{"id": "p", "axis": "recall", "family": "f", "prompt": "\ud83d is", "answers": ["a\udc00"]}'
    (tmp_path / "p.jsonl").write_text(f"\ufeff{row}\n", encoding="utf-8")
    [probe] = read_probes(tmp_path / "p.jsonl")
    assert (probe.prompt, probe.answers) == ("\ufffd is", ("a\ufffd",))


def test_a_normal_form_makes_no_other_answer_choice_or_fact(tmp_path):
    apart = unicodedata.normalize("NFD", "Café")
    row = {**GOOD, "fact": apart, "answers": [apart, "Café"], "choices": ["Café", "Tee", apart]}
    other = {**GOOD, "id": "q", "fact": "Café", "prompt": apart}
    first, second = read_probes(write(tmp_path / "p.jsonl", row, other))
    assert (first.answers, first.choices, first.chance) == (("Café",), ("Café", "Tee"), 0.5)
    assert (first.fact, first.half) == (second.fact, second.half)
    assert second.prompt == apart, "a model from elsewhere is asked in the file's characters"
    [alone] = read_probes(write(tmp_path / "p.jsonl", {**GOOD, "answers": [apart]}))
    assert alone.answers == (apart,)
