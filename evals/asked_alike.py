"""Whether the arms of a run were asked alike: scores of other questions or other attacks compare nothing."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core.runs.artifacts import MARK, read_mark
from core.runs.console import console

KINDS = ("evals", "attacks", "lookup")  # folders with scores of a run's own probes

Measurement = tuple[str, str, Path]  # arm, kind and folder


def asked_alike(found: Sequence[Measurement], arms: Iterable[str]) -> Iterator[Measurement]:
    """The measurements without those of arms that were asked otherwise than the last one of their kind.

    A line tells of each that is left out. Those of other models than `arms` stay: they aren't controls.
    """
    own = set(arms)
    last: dict[str, Path] = {}
    for arm, kind, folder in sorted(found, key=lambda one: (one[2] / MARK).stat().st_mtime_ns):
        if arm in own and kind in KINDS:
            last[kind] = folder
    for arm, kind, folder in found:
        differing = _differing(folder, last[kind], kind) if arm in own and kind in last else None
        if differing is None:
            yield arm, kind, folder
            continue
        verb = "attack" if kind == "attacks" else "eval"
        console.print(
            f"{folder}: made with other {differing} than {last[kind].name}'s, left out until"
            f" `winnow {verb}` is run again",
            style="yellow",
        )


def _differing(folder: Path, last: Path, kind: str) -> str | None:
    """What two measurements differ in, so that they can't be compared; None where they can."""
    one, other = (read_mark(place)["made_from"] for place in (folder, last))
    if one.get("code_version") != other.get("code_version"):
        return "code"
    if _probes(one) != _probes(other):
        return "probes"
    # One may have what the other lacks: that is missing, and not wrong.
    old, new = (dict(made["config"].get(kind) or {}) for made in (one, other))
    names = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    return f"options of {', '.join(names)}" if names else None


def _probes(made_from: dict[str, Any]) -> Any:
    """What tells the probes: those of a file by its content, the corpus's by its options."""
    config = made_from["config"]
    file = made_from["inputs"].get("probes")
    if file is not None:
        return {**(config.get("probes") or {}), "path": file}
    return config.get("probes"), config.get("corpus")
