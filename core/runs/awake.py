"""Which night's core is used: what `winnow wake` has named, or the last."""

from pathlib import Path

from omegaconf import DictConfig

from core.errors import UserError
from core.runs.artifacts import MARK, arm_name, read_json, run_folder

FOLDER, AWAKE = "nights", "awake.json"
FIRST = 0  # the evening before the first night: the arm itself


def nights_folder(cfg: DictConfig) -> Path:
    """Where the nights of a run lie; those of another arm than the core lie apart."""
    arm = arm_name(cfg)
    return run_folder(cfg) / (FOLDER if arm == "core" else f"{FOLDER}_{arm}")


def nights_in(folder: Path) -> list[int]:
    """The nights that are over, in order."""
    names = (mark.parent.name for mark in folder.glob(f"[0-9]*/{MARK}"))
    return sorted(int(name) for name in names if name.isdecimal())  # not one to be renamed yet


def awake_in(folder: Path) -> int:
    """The night that is awake: the last, unless another was named that is still there.

    Raises UserError where what was named is damaged.
    """
    path, there = folder / AWAKE, nights_in(folder)
    last = max(there, default=FIRST)
    told = read_json(path) if path.exists() else {"night": last}
    if not isinstance(told, dict) or not isinstance(told.get("night"), int):
        raise UserError(f"{path} is damaged: delete it and `winnow wake` the night that you want")
    named = int(told["night"])
    return named if named in (FIRST, *there) else last
