from collections import Counter
from random import Random
from types import SimpleNamespace

from core.night.dreams import by_kind, evenly, recombined, write_lines
from core.night.variety import variety

LINES = [f"Sort: {a} {b} => {a} {b}" for a in "abcdef" for b in "ghijkl"]
RARE = [f"Drop {a}: {a} x => x" for a in "abc"]


def test_lines_are_sorted_by_their_first_word_and_strays_left_out():
    kinds = by_kind([*LINES, *RARE, "q p o"])
    assert {kind: len(own) for kind, own in kinds.items()} == {"Sort:": 36, "Drop": 3}


def test_rare_kinds_are_given_out_as_often_as_others():
    drawn = evenly(by_kind([*LINES, *RARE]), 40, Random(0))
    assert Counter(line.split()[0] for line in drawn) == {"Sort:": 20, "Drop": 20}
    assert evenly({}, 5, Random(0)) == []


def test_sheets_join_lines_of_different_dreams_behind_line_breaks():
    rows = recombined(LINES, None, 0.0, Random(0))
    told = [line for row in rows for line in row["text"].split("\n") if line]
    assert sorted(told) == sorted(LINES)
    sheets = [row["text"] for row in rows if row["text"].startswith("\n")]
    assert sheets and all(text.count("\n") == 3 for text in sheets)


def test_a_model_writes_whole_lines(make_llama, toy_tokenizer):
    own = SimpleNamespace(count=6, num_tokens=12, beginning="\n", temperature=1.0)
    lines = write_lines(make_llama(), toy_tokenizer, own, 3)
    assert lines and lines == write_lines(make_llama(), toy_tokenizer, own, 3)
    own.count = 0
    assert write_lines(make_llama(), toy_tokenizer, own, 3) == []
    assert all(line.strip() == line and line and "\n" not in line for line in lines)


def test_a_core_that_writes_the_same_again_is_less_varied():
    kinds = ["Sort:", "Drop"]
    varied = variety([*LINES, *RARE * 12], kinds)
    narrow = variety(LINES[:2] * 30, kinds)
    assert narrow["diversity"] < 0.5 * varied["diversity"]
    assert narrow["families"] == 1 and narrow["rarest"] == 0.0
    assert narrow["diversity"] >= 0 and varied["diversity"] <= 1


def test_nothing_written_is_no_diversity():
    assert variety([], ["Sort:"])["diversity"] == 0.0
