"""Checkpoints of a training run: sealed with checksums when they are whole, and the last such one."""

from pathlib import Path

from core.errors import UserError
from core.runs.artifacts import hash_file, read_json, verify, write_json
from core.runs.console import console

SEAL = "sums.json"  # written last


def seal(checkpoint: Path) -> None:
    """Write down the checksum of each file, so that one that is cut or spoilt later is known for it."""
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file())
    sums = {path.relative_to(checkpoint).as_posix(): hash_file(path) for path in files}
    write_json(checkpoint / SEAL, {"files": sums})


def last_whole(folder: Path) -> Path | None:
    """The newest checkpoint whose files match their checksums. A line tells of newer, damaged ones."""
    found = sorted(folder.glob("checkpoint-*"), key=step_of, reverse=True)
    whole = next((checkpoint for checkpoint in found if _is_whole(checkpoint)), None)
    if found and whole != found[0]:
        start = whole.name if whole else "the beginning"
        console.print(f"{found[0]} isn't whole: going on from {start}", style="yellow")
    return whole


def step_of(checkpoint: Path) -> int:
    """The step after which it was saved."""
    return int(checkpoint.name.split("-")[1])


def _is_whole(checkpoint: Path) -> bool:
    try:
        sums = read_json(checkpoint / SEAL)
        if not isinstance(sums, dict) or not sums.get("files"):
            return False
        verify(checkpoint, sums)
    except UserError:
        return False
    return True
