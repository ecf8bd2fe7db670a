"""Which files in a folder make a model: what transformers reads when it loads it, and nothing beside that.

Trainers leave their results beside a model (`all_results.json`, `trainer_state.json`), people their notes.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import transformers
from transformers.utils import (
    CONFIG_NAME,
    GENERATION_CONFIG_NAME,
    SAFE_WEIGHTS_INDEX_NAME,
    SAFE_WEIGHTS_NAME,
)

from core.models.whole import ADAPTER

TOKENIZER_CONFIG = "tokenizer_config.json"
NAMES = {
    *(CONFIG_NAME, GENERATION_CONFIG_NAME, ADAPTER),
    *(TOKENIZER_CONFIG, "special_tokens_map.json", "added_tokens.json"),
    *("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "tekken.json"),
    *("chat_template.jinja", "chat_template.json"),
}


def model_files(folder: Path) -> list[Path]:
    """The files that make the model in a Hugging Face folder, by name."""
    names = NAMES | set(_vocabularies(folder)) | set(_weights(folder))
    # Whatever its name: the vocabulary of SentencePiece or tiktoken.
    found = {folder / name for name in names} | set(folder.glob("*.model"))
    return sorted(path for path in found if path.is_file())


def _weights(folder: Path) -> Iterator[str]:
    """The weights: one file, or an index and the files in it; else every file that may hold weights."""
    if (folder / SAFE_WEIGHTS_NAME).is_file():
        yield SAFE_WEIGHTS_NAME
    elif (folder / SAFE_WEIGHTS_INDEX_NAME).is_file():
        yield SAFE_WEIGHTS_INDEX_NAME
        places = _read(folder / SAFE_WEIGHTS_INDEX_NAME).get("weight_map")
        yield from (places if isinstance(places, dict) else {}).values()
    else:
        yield from (path.name for path in folder.glob("*.safetensors"))


def _vocabularies(folder: Path) -> Iterator[str]:
    """Files that the tokenizer's own class reads, beside those that every tokenizer has."""
    told = _read(folder / TOKENIZER_CONFIG)
    versions = told.get("fast_tokenizer_files")
    yield from (name for name in (versions if isinstance(versions, list) else []))
    name = str(told.get("tokenizer_class") or "")
    for one in (name, f"{name.removesuffix('Fast')}Fast", name.removesuffix("Fast")):
        known = getattr(getattr(transformers, one, None), "vocab_files_names", {}) if one else {}
        yield from known.values()


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON object. Empty where it is damaged, which loading the model will report."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
