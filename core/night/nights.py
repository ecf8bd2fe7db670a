"""The nights of a run: their folders, and which core is awake."""

import json
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from core.corpus.rows import joined_text
from core.errors import UserError
from core.night.night import DREAMS, LEARNED, RECORD
from core.runs.artifacts import (
    arm_name,
    fingerprint_of,
    read_json,
    read_mark,
    run_folder,
    write_json,
)
from core.runs.awake import AWAKE, FIRST, awake_in, nights_folder, nights_in

STORED = "stored.json"


class Nights:
    """Nights in a folder, behind the model in `first`. A night begins from one before it, so they are a tree;
    `awake` is the one whose core is used now.
    """

    def __init__(self, folder: Path, first: Path):
        self.folder, self.first = folder, first

    @classmethod
    def of(cls, cfg: DictConfig) -> "Nights":
        """Those of the run's arm; raises UserError where the arm isn't there."""
        first = run_folder(cfg) / "arms" / arm_name(cfg)
        fingerprint_of(first, f"distill arm={arm_name(cfg)}")
        return cls(nights_folder(cfg), first)

    @property
    def numbers(self) -> list[int]:
        """The nights that are over, in order."""
        return nights_in(self.folder)

    @property
    def awake(self) -> int:
        """The night whose core is used: the last, unless `wake` named another that is still there."""
        return awake_in(self.folder)

    def is_stored(self, number: int) -> bool:
        """Whether a night's documents are in the store, or were and have been forgotten."""
        # By number are those of before fingerprints were told.
        return bool({number, self._mark(number)} & set(self._told_stored()))

    def mark_stored(self, number: int) -> None:
        """Say that a night's documents are in the store; not of another night that gets its number later."""
        if not self.is_stored(number):
            write_json(self.folder / STORED, [*self._told_stored(), self._mark(number)])

    def _told_stored(self) -> list[int | str]:
        path = self.folder / STORED
        told = read_json(path) if path.exists() else []
        if not isinstance(told, list):
            raise UserError(f"{path} is damaged: delete it and run again")
        return told

    def _mark(self, number: int) -> str:
        return str(read_mark(self.model(number))["fingerprint"])

    def wake(self, number: int) -> None:
        """Go back, or forward, to a night; raises UserError for one that there isn't."""
        if number not in (FIRST, *self.numbers):
            known = ", ".join(map(str, (FIRST, *self.numbers)))
            raise UserError(f"there is no night {number} in {self.folder}: there are {known}")
        if self.numbers:
            write_json(self.folder / AWAKE, {"night": number})

    def model(self, number: int) -> Path:
        """Where the core of the morning after a night lies."""
        return self.folder / str(number) if number != FIRST else self.first

    def fingerprint(self, number: int) -> str:
        """Of that core; raises UserError where it isn't there or is damaged."""
        return fingerprint_of(self.model(number), "sleep")

    def before(self, number: int) -> int:
        """The night that this one began from."""
        return int(read_json(self.model(number) / RECORD)["before"])

    def chain(self, number: int) -> list[int]:
        """The nights that lead to this one, in order, with it."""
        found: list[int] = []
        while number != FIRST:
            found.append(number)
            number = self.before(number)
        return found[::-1]

    def earlier(self, number: int) -> list[str]:
        """All that was dreamt, and written of days, in the nights that lead to this one."""
        lines: list[str] = []
        for night in self.chain(number):
            folder = self.model(night)
            if not (folder / DREAMS).exists():
                continue  # a night that was none, but training of another kind
            with (folder / DREAMS).open(encoding="utf-8") as file:
                lines += [str(json.loads(line)["text"]) for line in file]
            for rows in read_json(folder / LEARNED)["kept"].values():
                lines += [joined_text(row) for row in rows if "prompt" in row]
        return lines

    def documents(self, number: int) -> list[dict[str, Any]]:
        """What went to the store in the nights that lead to this one."""
        return [
            one
            for night in self.chain(number)
            for one in read_json(self.model(night) / RECORD)["stored"]
        ]

    def made_from(self, number: int) -> dict[str, str]:
        """Fingerprints of what the night was made from."""
        return dict(read_mark(self.model(number))["made_from"].get("inputs", {}))
