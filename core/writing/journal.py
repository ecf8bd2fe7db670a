"""What the teacher has said, batch after batch, on disk at once, so that a killed run goes on."""

import json
import os
from pathlib import Path
from typing import NamedTuple


class Said(NamedTuple):
    """A continuation, cut at the end of text where there was one (`ended`)."""

    text: str
    ended: bool


Continuations = list[list[Said]]  # by request, by sample


class Journal:
    """A line of JSON a batch, in order; what a killed process wrote of another line is cut off."""

    def __init__(self, path: Path):
        self.path = path
        self.batches: list[Continuations] = []
        whole = 0
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
            try:
                batch = [[Said(*said) for said in asked] for asked in json.loads(line)]
            except (ValueError, TypeError):
                break
            if not line.endswith(b"\n"):
                break
            self.batches.append(batch)
            whole += len(line)
        if path.exists():
            os.truncate(path, whole)

    def add(self, batch: Continuations) -> None:
        """Write a batch down."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(batch, ensure_ascii=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.batches.append(batch)
