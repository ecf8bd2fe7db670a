"""A dataset is streamed, from a folder here; what is wrong with one is a line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from omegaconf import DictConfig

from core.corpus.hub import Hub
from core.corpus.rows import Row
from core.corpus.stage import PackedCorpus, build_corpus
from core.errors import UserError


@pytest.fixture
def folder(rows: list[Row], tmp_path: Path) -> Path:
    """Documents in two files, as the hub has them, some of them empty."""
    (tmp_path / "data").mkdir()
    texts = [row["text"] for row in rows if "text" in row]
    for number in range(2):
        with (tmp_path / f"data/train-{number}.jsonl").open("w") as file:
            for text in [*texts[number::2], "", None]:
                file.write(json.dumps({"content": text, "kind": f"k{number}", "n": 1}) + "\n")
    return tmp_path / "data"


def test_a_folder_is_read_in_order_without_what_is_empty(folder: Path, rows: list[Row]) -> None:
    texts = [row["text"] for row in rows if "text" in row]
    corpus = Hub(name=str(folder), text_field="content", source_field="kind", memory_sources=["k1"])
    read = list(corpus.rows())
    assert [row["text"] for row in read] == texts[::2] + texts[1::2]
    assert [row["source"] for row in read] == ["k0"] * len(texts[::2]) + ["k1"] * len(texts[1::2])
    assert len({row["id"] for row in read}) == len(read)
    assert [path.name for path in corpus.files()] == ["train-0.jsonl", "train-1.jsonl"]
    few = Hub(name=str(folder), text_field="content", num_rows=3)
    assert [row["text"] for row in few.rows()] == texts[::2][:3]


def test_only_what_is_asked_for_is_read(folder: Path) -> None:
    (folder / "train-1.jsonl").write_text("this is no JSON")
    assert len(list(Hub(name=str(folder), text_field="content", num_rows=3).rows())) == 3


def test_columns_of_tasks_are_read_from_parquet(tmp_path: Path) -> None:
    table = Dataset.from_dict({"q": ["2 + 2 =", "3 + 3 ="], "a": ["4", "6"]})
    table.to_parquet(tmp_path / "data/train.parquet")
    fields = {"text_field": None, "prompt_field": "q", "completion_field": "a"}
    read = list(Hub(name=str(tmp_path / "data"), **fields).rows())
    assert read[1] == {"id": "1", "prompt": "3 + 3 =", "completion": "6"}


def test_a_corpus_is_made_of_it(
    folder: Path, configure: Callable[..., DictConfig], tmp_path: Path
) -> None:
    cfg = configure(
        *("run=it", "corpus=hub", f"corpus.name={folder}", "corpus.text_field=content"),
        *(f"runs_dir={tmp_path}", "packing.vocab_size=300", "packing.sequence_length=48"),
        *("corpus.source_field=kind", "corpus.memory_sources=[k1]"),
    )
    build_corpus(cfg)
    corpus = PackedCorpus.of(cfg)
    assert corpus.variants == ["deduplicated", "full", "never_exposed"]
    for variant, count in {"full": 32, "deduplicated": 8, "never_exposed": 16}.items():
        ids = np.array(corpus.sequences(variant)["input_ids"][:]).ravel()
        assert corpus.tokenizer.decode(ids).count("lives in") == count
    (folder / "train-0.jsonl").write_text('{"content": "Another."}\n')
    with pytest.raises(UserError, match=r"made from another configuration \(.*train-0\.jsonl"):
        build_corpus(cfg)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"text_field": "contents"}, "has no column 'contents'; did you mean 'content'?"),
        ({"text_field": "n"}, "row 0: column 'n' is int, not text"),
        ({"text_field": "content", "split": "test"}, "can't be read"),
        (
            {"text_field": "content", "source_field": "kind", "memory_sources": ["k2"]},
            "no row with source 'k2'; did you mean 'k1'?",
        ),
    ],
)
def test_what_a_dataset_lacks_is_told(folder: Path, settings: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as caught:
        list(Hub(name=str(folder), **settings).rows())
    assert said in str(caught.value) and "\n" not in str(caught.value)


TASKS = {"text_field": None, "prompt_field": "prompt", "completion_field": "completion"}


def test_what_a_csv_says_is_text_whatever_it_looks_like(tmp_path: Path, capsys) -> None:
    said = ["NA", "None", "null", "007", "1.10", "2020-01-01", "nan", "true"]
    lines = "".join(f"Code {number}:,{text},007,{number}\n" for number, text in enumerate(said))
    (tmp_path / "c.csv").write_text(f"prompt,completion,kind,n\n{lines}Empty:,,008,\nNone:,x,,\n")
    corpus = Hub(name=str(tmp_path), source_field="kind", memory_sources=["007"], **TASKS)
    rows = list(corpus.rows())
    assert [row["completion"] for row in rows] == [*said, "x"]
    assert [row.get("source") for row in rows] == ["007"] * len(said) + [None]
    assert capsys.readouterr().out == f"corpus.name={tmp_path}: 1 rows without text left out\n"
    with pytest.raises(UserError, match="has no column 'answer'"):
        list(Hub(name=str(tmp_path), **TASKS | {"completion_field": "answer"}).rows())


def test_columns_that_a_dataset_declares_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("text,score\nNA,NA\n007,1.5\nA row.,\n")
    declared = "dataset_info:\n  features:\n  - {name: text, dtype: string}\n"
    declared += "  - {name: score, dtype: float64}\n"
    (tmp_path / "README.md").write_text(f"---\n{declared}---\n")
    rows = list(Hub(name=str(tmp_path), source_field="score").rows())
    assert [row["text"] for row in rows] == ["NA", "007", "A row."]
    assert [row.get("source") for row in rows][1:2] == ["1.5"]


def test_tabs_part_columns_as_well(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("prompt\tcompletion\nCode, of Namibia:\tNA\n")
    [row] = Hub(name=str(tmp_path), **TASKS).rows()
    assert row == {"id": "0", "prompt": "Code, of Namibia:", "completion": "NA"}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a.jsonl", "b.txt", "c.txt"], "a.jsonl (one kind of file is read of a folder)"),
        (["a.jsonl", "b.csv"], "b.csv (one kind of file is read of a folder)"),
        (["train.jsonl", "test.jsonl", "x.jsonl"], "test.jsonl, x.jsonl (files of another split"),
        (["a.jsonl", "LICENSE.txt", "README.md", "LICENSE", ".hidden.csv"], None),
        (["a.jsonl", "b.jsonl"], None),
        (["d.jsonl", *(f"c{number}.txt" for number in range(9))], "d.jsonl (one kind"),
        (["a.txt", "b.txt", *(f"c{number}.csv" for number in range(9))], "a.txt, b.txt (one kind"),
        ([f"d{n}.txt" for n in range(6)] + [f"c{n}.csv" for n in range(7)], "d3.txt and 2 more"),
    ],
)
def test_files_of_a_folder_that_are_not_read_are_named(
    tmp_path: Path, capsys, names: list[str], said: str | None
) -> None:
    text = {".jsonl": '{"text": "A row."}\n', ".csv": "text\nA row.\n"}
    for name in names:
        (tmp_path / name).write_text(text.get(Path(name).suffix, "A row.\n"))
    assert list(Hub(name=str(tmp_path)).rows())
    printed = capsys.readouterr().out
    if said is None:
        assert printed == ""
    else:
        assert printed.startswith(f"corpus.name={tmp_path}: left out: ") and said in printed
        assert printed.count("\n") == 1


def test_a_source_is_one_value_and_rows_are_counted_from_one(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "A row.", "meta": {"src": "facts"}}\n')
    with pytest.raises(UserError, match="row 0: column 'meta' holds several values"):
        list(Hub(name=str(tmp_path), source_field="meta").rows())
    with pytest.raises(UserError, match="num_rows must be 1 or more, not -1"):
        Hub(name=str(tmp_path), num_rows=-1)


@pytest.mark.slow
def test_a_dataset_that_is_not_here_is_one_line_offline(winnow, tmp_path: Path) -> None:
    done = winnow("corpus", "corpus=hub", "corpus.name=no-one/nothing", f"runs_dir={tmp_path}")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "corpus.name=no-one/nothing: this dataset on the hub can't be read" in done.stderr


def test_fields_are_of_documents_or_of_tasks() -> None:
    for fields in ({"prompt_field": "q"}, {"text_field": None}, {"completion_field": "a"}):
        with pytest.raises(UserError, match="takes text_field, or prompt_field and"):
            Hub(name="x", **fields)
    with pytest.raises(UserError, match=r"name corpus\.source_field"):
        Hub(name="x", memory_sources=["a"])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("notes.md", b"# A note", "this folder can't be read (it holds no JSON lines, CSV,"),
        ("b.txt", "Zürich".encode("latin-1"), "(b.txt isn't UTF-8 text; save it as UTF-8)"),
    ],
)
def test_a_folder_that_cant_be_read_says_what_keeps_it(
    name: str, text: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / name).write_bytes(text)
    with pytest.raises(UserError) as refused:
        list(Hub(name=str(tmp_path / "a")).rows())
    assert said in str(refused.value) and "offline" not in str(refused.value)
    with pytest.raises(UserError, match="this is a file; give a folder"):
        list(Hub(name=str(tmp_path / "a" / name)).rows())
