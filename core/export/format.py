"""What a format is, and what reads it back."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import torch
from transformers import PretrainedConfig

from core.export.prompts import Prompt
from core.export.source import Source

# Whose layers are written by name, or run with a mask of ours: each was tried. By `model_type`.
FAMILIES = ("llama", "qwen2", "qwen3")


class ExportReader(Protocol):
    """A program that knows nothing of Winnow, with an exported file loaded.

    `exact`: the file has the checkpoint's own float32 weights, so its logits have to be the checkpoint's too.
    """

    name: str  # the program and its version
    file: str
    exact: bool

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a text by the tokenizer that it found in the export."""
        ...

    def logits(self, prompt: list[int], continuation: list[int]) -> torch.Tensor:
        """Logits (T, V), float32, of the prompt and then of the continuation, read on from the cache."""
        ...


class Format(Protocol):
    """One way to write a model; the keyword arguments of its class are those of its YAML."""

    libraries: tuple[str, ...]  # whose versions belong into the manifest

    def problems(self, source: Source, prompts: list[Prompt]) -> Iterator[str]:
        """Why this checkpoint can't be written so, each in a line that says what to do."""
        ...

    def size(self, source: Source) -> int:
        """Bytes that it will take, roughly."""
        ...

    def write(self, source: Source, prompts: list[Prompt], folder: Path) -> None:
        """Write the files into an empty folder."""
        ...

    def readers(self, folder: Path) -> Iterator[ExportReader]:
        """Everything installed that reads what `write` wrote, one reader a file and program."""
        ...

    def not_read_by(self) -> list[str]:
        """Readers that aren't installed, with what installs them."""
        ...


def missing_packages(packages: tuple[str, ...], extra: str) -> Iterator[str]:
    """A line that says what to install, when a package isn't there."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        yield f"needs {', '.join(missing)}: pip install -c constraints.txt -e '.[{extra}]'"


def family_problems(config: PretrainedConfig) -> Iterator[str]:
    """Why a model isn't one of `FAMILIES` in its plain form."""
    name = (config.architectures or [type(config).__name__])[0]
    if config.model_type not in FAMILIES:
        yield f"{name} isn't one of {', '.join(FAMILIES)}: choose format=[hf]"
        return
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    if layers != {"full_attention"}:
        yield f"{name} has layers of {', '.join(sorted(layers))}: choose format=[hf]"
