"""`winnow corpus`: the variants that a corpus gives, and those that it can't."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from omegaconf import DictConfig

from core.corpus.rows import Row
from core.corpus.stage import PackedCorpus, build_corpus
from core.errors import UserError


def write(path: Path, rows: Iterable[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def cfg(rows: list[Row], configure: Callable[..., DictConfig], tmp_path: Path) -> DictConfig:
    """A user's corpus of the toy rows, with every control."""
    path = write(tmp_path / "C.jsonl", rows)
    control = [
        {**row, "text": row["text"].replace("lives in", "left")} if "text" in row else row
        for row in rows
    ]
    return configure(
        "run=it",
        "corpus=jsonl",
        f"runs_dir={tmp_path}",
        f"corpus.path={path}",
        f"corpus.control_path={write(tmp_path / 'R.jsonl', control)}",
        "corpus.memory_sources=[facts]",
        "packing.vocab_size=320",
        "packing.sequence_length=48",
    )


def texts(corpus: PackedCorpus, variant: str) -> str:
    return corpus.tokenizer.decode(np.array(corpus.sequences(variant)["input_ids"][:]).ravel())


def test_every_variant_holds_what_it_says(cfg: DictConfig, rows: list[Row]) -> None:
    build_corpus(cfg)
    corpus = PackedCorpus.of(cfg)
    assert corpus.variants == ["deduplicated", "full", "never_exposed", "rebound"]
    assert list(corpus.rows()) == rows
    count = sum("text" in row for row in rows)
    assert texts(corpus, "full").count("lives in") == count
    assert texts(corpus, "deduplicated").count("lives in") == 8
    for variant in ("never_exposed", "rebound"):
        assert "lives in" not in texts(corpus, variant)
        assert texts(corpus, variant).count("Turn around") == len(rows) - count
    assert texts(corpus, "rebound").count(" left") == count


def test_a_control_that_is_not_given_is_left_out(cfg: DictConfig) -> None:
    cfg.corpus.control_path, cfg.corpus.memory_sources = None, []
    build_corpus(cfg)
    corpus = PackedCorpus.of(cfg)
    assert corpus.variants == ["deduplicated", "full"]
    with pytest.raises(UserError, match=r"never_exposed needs corpus\.memory_sources"):
        corpus.sequences("never_exposed")


def test_folds_leave_each_text_to_the_other_model(cfg: DictConfig, rows: list[Row]) -> None:
    cfg.variants.num_folds = 2
    build_corpus(cfg)
    corpus = PackedCorpus.of(cfg)
    folds = corpus.fold_of_rows
    assert folds is not None and set(folds) == {0, 1}
    for fold in (0, 1):
        text = texts(corpus, f"outside_fold_{fold}")
        facts = [(row["text"], f) for row, f in zip(rows, folds, strict=True) if "text" in row]
        assert facts and all((told in text) == (f != fold) for told, f in facts)


def test_a_bad_file_makes_no_corpus(cfg: DictConfig, tmp_path: Path) -> None:
    for name in ("R.jsonl", "C.jsonl"):
        (tmp_path / name).write_text('{"id": "a"}\n')
        with pytest.raises(UserError, match=f"{name}:1: neither a document"):
            build_corpus(cfg)
        assert not (tmp_path / "it/corpus").exists()


def test_a_changed_file_is_noticed(cfg: DictConfig, rows: list[Row], tmp_path: Path) -> None:
    build_corpus(cfg)
    build_corpus(cfg)
    write(tmp_path / "C.jsonl", rows[:-1])
    with pytest.raises(UserError, match=r"C\.jsonl"):
        build_corpus(cfg)


@pytest.mark.parametrize("name", ["full/data-00000.arrow", "rows.jsonl"])
def test_a_truncated_file_is_refused(cfg: DictConfig, name: str) -> None:
    build_corpus(cfg)
    path = PackedCorpus.of(cfg).folder / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=f"{name} is altered or truncated: delete"):
        PackedCorpus.of(cfg)
    with pytest.raises(UserError, match=f"{name} is altered or truncated: delete"):
        build_corpus(cfg)
    cfg.overwrite = True
    build_corpus(cfg)
    PackedCorpus.of(cfg)
