"""A user's corpus: what is wrong is told with file and line."""

import json
from pathlib import Path

import pytest

from core.corpus.jsonl import JsonLines
from core.errors import UserError

GOOD = {"id": "a", "text": "Ada lives in Rome.", "source": "facts"}
TASK = {"id": 7, "prompt": "2 + 2 =", "completion": "4"}


def write(path: Path, *lines: object) -> str:
    text = "".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines)
    path.write_text(text)
    return str(path)


def test_reads_documents_and_tasks(tmp_path: Path) -> None:
    corpus = JsonLines(path=write(tmp_path / "c.jsonl", GOOD, "", TASK), memory_sources=["facts"])
    assert list(corpus.rows()) == [GOOD, {**TASK, "id": "7"}]
    assert corpus.rebound_rows() is None
    assert corpus.files() == [tmp_path / "c.jsonl"]


def test_reads_the_control(tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", GOOD)
    control = write(tmp_path / "r.jsonl", {**GOOD, "text": "Ada lives in Oslo."})
    corpus = JsonLines(path=path, control_path=control)
    rebound = corpus.rebound_rows()
    assert rebound is not None and next(rebound)["text"] == "Ada lives in Oslo."
    assert len(corpus.files()) == 2


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ('{"id": ', "not JSON"),
        ("[1]", "a row is a JSON object, not list"),
        ({"id": "b"}, "neither a document (id, text) nor a task"),
        ({"id": "b", "prompt": "Q"}, "neither a document"),
        ({"id": "b", "text": "x", "prompt": "Q", "completion": "A"}, "neither a document"),
        ({"id": "b", "txt": "x"}, "unknown field 'txt'; did you mean 'text'?"),
        ({"text": "x"}, "field 'id' is missing"),
        ({"id": "a", "text": "x"}, "id 'a' occurs twice"),
        ({"id": "b", "text": " "}, "field 'text' must be text that isn't empty"),
        ({"id": "b", "prompt": "Q", "completion": 4}, "field 'completion' must be text"),
        ({"id": "b", "text": "x", "source": ["facts"]}, "field 'source' must be text or a number"),
        ({"id": "b", "text": "x", "source": False}, "field 'source' must be text or a number"),
        ({"id": True, "text": "x"}, "field 'id' must be text or a number"),
        ({"id": None, "text": "x"}, "field 'id' must be text or a number"),
        ("[" * 100_000, "not JSON (nested too deeply)"),
    ],
)
def test_a_bad_row_is_told_with_file_and_line(tmp_path: Path, bad: object, said: str) -> None:
    path = write(tmp_path / "c.jsonl", GOOD, bad)
    with pytest.raises(UserError) as caught:
        list(JsonLines(path=path).rows())
    assert str(caught.value).startswith(f"{path}:2: ") and said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_empty_or_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    write(tmp_path / "empty.jsonl", "", "")
    for name, said in {
        "none.jsonl": "isn't a file",
        "empty.jsonl": "holds no rows",
        "binary.jsonl": "isn't UTF-8",
    }.items():
        with pytest.raises(UserError, match=said) as caught:
            list(JsonLines(path=str(tmp_path / name)).rows())
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_source_that_no_row_has_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", GOOD, TASK)
    for wanted, said in {"fact": "did you mean 'facts'?", "zzz": "it has facts"}.items():
        with pytest.raises(UserError, match="no row with source") as caught:
            list(JsonLines(path=path, memory_sources=[wanted]).rows())
        assert said in str(caught.value)


def test_a_pattern_names_several_files(tmp_path: Path) -> None:
    for name, row in {"b": TASK, "a": GOOD}.items():
        write(tmp_path / f"{name}.jsonl", row)
    corpus = JsonLines(path=str(tmp_path / "*.jsonl"))
    assert [row["id"] for row in corpus.rows()] == ["a", "7"]
    assert corpus.files() == [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    write(tmp_path / "c.jsonl", {"id": "d", "text": "x"}, TASK)
    with pytest.raises(UserError, match=r"c\.jsonl:2: id '7' occurs twice"):
        list(JsonLines(path=str(tmp_path / "*.jsonl")).rows())
    with pytest.raises(UserError, match=r"none-\*\.jsonl isn't a file"):
        list(JsonLines(path=str(tmp_path / "none-*.jsonl")).rows())


def test_text_is_read_in_normal_form_c(tmp_path: Path) -> None:
    task = {"id": "1", "prompt": "Zu\u0308rich", "completion": "cafe\u0301"}
    path = write(tmp_path / "c.jsonl", {"id": "0", "text": "カ\u3099"}, task)
    document, read = JsonLines(path=path).rows()
    assert document["text"] == "ガ"
    assert (read["prompt"], read["completion"]) == ("Zürich", "café")


def test_numbers_are_names_as_they_are_written(tmp_path: Path) -> None:
    lines = ['{"id": 1.10, "text": "x", "source": 1e5}', '{"id": 007, "text": "x"}']
    with pytest.raises(UserError, match=r":2: not JSON"):
        list(JsonLines(path=write(tmp_path / "c.jsonl", *lines)).rows())
    digits = "9" * 5000
    lines = [
        lines[0],
        f'{{"id": {digits}, "text": "x", "source": 2023}}',
        '{"id": 1.1, "text": "x"}',
    ]
    corpus = JsonLines(path=write(tmp_path / "c.jsonl", *lines), memory_sources=["2023"])
    names = [(row["id"], row.get("source")) for row in corpus.rows()]
    assert names == [("1.10", "1e5"), (digits, "2023"), ("1.1", None)]


def test_half_a_character_is_read_as_unknown_and_a_pair_as_one(tmp_path: Path) -> None:
    lines = [
        r'{"id": "\udc00", "text": "nice \ud83d and more", "source": "\ud83d"}',
        r'{"id": "b", "prompt": "\ud83d\ude00?", "completion": "\ude00\ud83d"}',
    ]
    document, task = JsonLines(path=write(tmp_path / "c.jsonl", *lines)).rows()
    assert document == {"id": "\ufffd", "text": "nice \ufffd and more", "source": "\ufffd"}
    assert (task["prompt"], task["completion"]) == ("\U0001f600?", "\ufffd\ufffd")


def test_a_mark_of_the_byte_order_is_read_over(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text("\ufeff" + json.dumps(GOOD) + "\n", encoding="utf-8")
    both = (tmp_path / "one.jsonl").read_text() + f"\ufeff\n\ufeff{json.dumps(TASK)}\r\n"
    (tmp_path / "two.jsonl").write_text(both, encoding="utf-8")  # as `cat` joins files
    assert list(JsonLines(path=str(tmp_path / "one.jsonl")).rows()) == [GOOD]
    assert list(JsonLines(path=str(tmp_path / "two.jsonl")).rows()) == [GOOD, {**TASK, "id": "7"}]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_another_encoding_is_told(tmp_path: Path, encoding: str) -> None:
    row = json.dumps({"id": "a", "text": "Zürich"}, ensure_ascii=False)
    (tmp_path / "c.jsonl").write_text(row, encoding=encoding)
    with pytest.raises(UserError, match=r"c\.jsonl(:1)?:? (isn't UTF-8 text|not JSON)"):
        list(JsonLines(path=str(tmp_path / "c.jsonl")).rows())


@pytest.mark.parametrize("name", ["t.parquet", "facts.jsonl.gz", "qa.csv", "note.md"])
def test_files_of_another_kind_are_told_where_they_can_be_read(tmp_path: Path, name: str) -> None:
    is_binary = name.endswith((".gz", ".parquet"))
    (tmp_path / name).write_bytes(b"\x1f\x8b\xff" if is_binary else b"question,answer\n")
    with pytest.raises(UserError, match=r"corpus=hub corpus\.name=FOLDER") as refused:
        list(JsonLines(path=str(tmp_path / name)).rows())
    assert "save it" not in str(refused.value)
    with pytest.raises(UserError, match=r"is a folder: give its files as '.*/\*\.jsonl'"):
        JsonLines(path=str(tmp_path))
