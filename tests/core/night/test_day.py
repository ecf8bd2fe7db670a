import json

import pytest

from core.errors import UserError
from core.night.day import MetDay, check_vocabulary, day_of


def test_a_file_is_a_day_without_labels_in_its_fingerprint(tmp_path, configure):
    path = tmp_path / "day.jsonl"
    row = {"id": "1", "text": "Ada lives in Rome.", "source": "facts"}
    path.write_text(json.dumps(row) + "\n")
    cfg = configure(f"day={path}")
    day = day_of(cfg, 1)
    assert day.rows == [row]
    bare = MetDay("x", [{"id": "1", "text": "Ada lives in Rome."}])
    assert day.fingerprint == bare.fingerprint


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_day_is_refused(tmp_path, configure, content):
    (tmp_path / "day.jsonl").write_text(content)
    with pytest.raises(UserError, match=r"day\.jsonl is empty: a day needs"):
        day_of(configure(f"day={tmp_path / 'day.jsonl'}"), 1)


def test_a_day_that_is_no_file_is_refused(tmp_path, configure):
    with pytest.raises(UserError, match="isn't a file"):
        day_of(configure(f"day={tmp_path / 'none'}"), 1)


def test_a_bad_row_is_named_with_its_line(tmp_path, configure):
    (tmp_path / "day.jsonl").write_text('{"id": "1", "text": "x y"}\n{"id": "2"}\n')
    with pytest.raises(UserError, match=r"day\.jsonl:2: neither a document"):
        day_of(configure(f"day={tmp_path / 'day.jsonl'}"), 1)


def test_a_world_without_days_has_none(configure):
    with pytest.raises(UserError, match="brings no days: add day=FILE"):
        day_of(configure("experiment=smoke"), 1)


def test_a_night_beyond_the_days_there_are_is_refused(configure):
    with pytest.raises(UserError, match="brings days 1 to 1, and this is night 2: add day=FILE"):
        day_of(configure("experiment=pretrained_night", "teacher=smollm2"), 2)


def test_a_night_of_a_pretrained_core_has_a_day_in_english(configure):
    rows = day_of(configure("experiment=pretrained_night", "teacher=smollm2", "seed=3"), 1).rows
    assert {row["prompt"].split()[0] for row in rows if "prompt" in row} == {"Record:", "Chart:"}
    assert all("source" not in row for row in rows)


def test_another_corpus_brings_no_days(configure, tmp_path):
    (tmp_path / "c.jsonl").write_text('{"id": "1", "text": "x"}\n')
    with pytest.raises(UserError, match="brings no days: add day=FILE"):
        day_of(configure("corpus=jsonl", f"corpus.path={tmp_path / 'c.jsonl'}"), 1)


def test_a_day_in_another_vocabulary_is_refused(toy_tokenizer):
    known = MetDay("mine", [{"id": "1", "text": "Ada lives in Rome."}])
    check_vocabulary(known, toy_tokenizer)
    other = MetDay("mine", [{"id": "1", "text": "Ъыф щэю ждл"}])
    with pytest.raises(UserError, match="mine is written in another vocabulary"):
        check_vocabulary(other, toy_tokenizer)
