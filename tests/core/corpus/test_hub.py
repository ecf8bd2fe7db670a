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
