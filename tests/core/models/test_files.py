"""Only what makes a model counts as the model."""

import json
import shutil
from pathlib import Path

import pytest

from core.models.checkpoint import fingerprint_model
from core.models.files import model_files
from core.models.loading import save_model


@pytest.fixture
def folder(make_llama, toy_tokenizer, tmp_path: Path) -> Path:
    save_model(tmp_path / "it", make_llama(), toy_tokenizer)
    return tmp_path / "it"


BESIDE = [
    *("all_results.json", "train_results.json", "trainer_state.json", "README.md", "notes.txt"),
    *("requirements.txt", "optimizer.safetensors", "training_args.bin", "model-old.safetensors"),
    *("preprocessor_config.json", ".DS_Store", "runs.json", "template.jinja"),
]


@pytest.mark.parametrize("name", BESIDE)
def test_what_lies_beside_a_model_is_not_the_model(folder: Path, name: str) -> None:
    before = fingerprint_model(folder)
    (folder / name).write_text("{}")
    assert fingerprint_model(folder) == before
    (folder / "sub").mkdir()
    (folder / "sub" / "config.json").write_text("{}")
    assert fingerprint_model(folder) == before


@pytest.mark.parametrize(
    "name",
    [
        *("config.json", "generation_config.json", "model.safetensors", "tokenizer.json"),
        *("tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"),
        *("spiece.model", "adapter_config.json"),
    ],
)
def test_what_makes_it_counts(folder: Path, name: str) -> None:
    before = fingerprint_model(folder)
    with (folder / name).open("ab") as file:
        file.write(b" ")
    assert fingerprint_model(folder) != before


def test_the_shards_that_the_index_names_count_and_no_others(
    make_llama, toy_tokenizer, tmp_path: Path
) -> None:
    model = make_llama()
    model.save_pretrained(tmp_path, max_shard_size="10KB")
    toy_tokenizer.save_pretrained(tmp_path)
    shards = sorted(path.name for path in tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    shutil.copy(tmp_path / shards[0], tmp_path / "other.safetensors")
    names = {path.name for path in model_files(tmp_path)}
    assert names >= {*shards, "model.safetensors.index.json"} and "other.safetensors" not in names


def test_a_vocabulary_with_a_name_of_its_own_counts(tmp_path: Path) -> None:
    told = {"tokenizer_class": "GPTNeoXJapaneseTokenizer"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told))
    for name in ("emoji.json", "vocab.txt", "tables.json"):
        (tmp_path / name).write_text("{}")
    names = {path.name for path in model_files(tmp_path)}
    assert names == {"emoji.json", "vocab.txt", "tokenizer_config.json"}


def test_links_count_as_what_they_lead_to(folder: Path, tmp_path: Path) -> None:
    before, blobs = fingerprint_model(folder), tmp_path / "blobs"
    folder.rename(blobs)
    folder.mkdir()
    for path in blobs.iterdir():
        (folder / path.name).symlink_to(path)
    assert fingerprint_model(folder) == before
