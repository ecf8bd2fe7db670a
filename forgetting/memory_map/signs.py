"""Which sign kept each token of a map from being flagged, so that a map can be asked why it missed one."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.runs.artifacts import read_json, write_json

FILE, NAMES = "signs.safetensors", "signs.json"


def save_signs(folder: Path, names: Sequence[str], sign_ST: Tensor) -> None:
    """Write the number of the sign that said no first (S, T), from 1 (0: none did), and the signs' names."""
    save_file({"sign": sign_ST.to(torch.uint8).contiguous()}, folder / FILE)
    write_json(folder / NAMES, list(names))


def join_signs(shards: Sequence[Path], folder: Path) -> None:
    """Write the signs of a corpus, from those of its shards in order."""
    found = [load_file(shard / FILE)["sign"] for shard in shards]
    save_signs(folder, read_json(shards[0] / NAMES), torch.cat(found))
