"""What shards of a map add up to."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from core.runs.artifacts import write_json
from forgetting.memory_map.shard import PIECES, SUMMARY, _counts, read_summary


def pieces_of(*texts: str) -> Any:
    """Pieces of two tokens each."""
    first = np.arange(0, 2 * len(texts) + 1, 2)
    return SimpleNamespace(texts=list(texts), first=first, taught=np.ones(first[-1], dtype=bool))


def test_what_recurs_in_another_shard_counts_once(tmp_path: Path) -> None:
    folders = [tmp_path / "0", tmp_path / "1"]
    for folder, texts, flagged in zip(
        folders, [("a", "b"), ("b", "c")], [[0, 1, 1, 0], [1, 0, 1, 1]], strict=True
    ):
        folder.mkdir()
        write_json(folder / SUMMARY, {"taught_places": 4})
        counts = _counts(pieces_of(*texts), np.array(flagged, dtype=bool), np.ones(4, dtype=bool))
        np.save(folder / PIECES, counts)
    assert read_summary(folders) == {"taught_places": 8, "flagged": 4, "taught": 6}
