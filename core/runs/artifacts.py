"""Artifacts on disk: one folder each, written under a temporary name, marked done by a fingerprint.

An artifact is what one stage leaves behind. Its fingerprint covers the configuration that shaped it, the
fingerprints of what it was made from, and the version of the stage that makes it. A stage whose artifact is
there with the same fingerprint is skipped; one with another fingerprint is refused, as is a damaged one.
Both are replaced only where the user says so, and not before the new one is whole beside them. One process
writes it, and holds a lock meanwhile.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from omegaconf import DictConfig, OmegaConf

from core.errors import UserError
from core.runs import processes
from core.runs.lock import hold, sign, signed
from core.runs.places import remove

MARK = "artifact.json"
PARTIAL = ".partial"
SCORE_FOLDERS = (
    "evals",
    "attacks",
    "lm_eval",
    "lookup",
)  # folders of a run with scores of each arm
STARTED = "started.json"  # in a folder that isn't finished: who writes what


def plain(cfg: Any) -> Any:
    """A configuration node as plain containers, with interpolations resolved."""
    if isinstance(cfg, dict):
        return {key: plain(value) for key, value in cfg.items()}
    return OmegaConf.to_container(cfg, resolve=True) if OmegaConf.is_config(cfg) else cfg


def hash_file(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; raises UserError when it can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def read_json(path: Path) -> Any:
    """Read JSON; raises UserError when the file is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: run the stage that writes it first") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run again") from error


def _flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        parts = (_flatten(v, f"{prefix}.{k}" if prefix else str(k)) for k, v in value.items())
        return {key: leaf for part in parts for key, leaf in part.items()}
    return {prefix: value}


class Artifact:
    """One folder of a run: what it was made from, whether it is done, and a safe way to write it."""

    def __init__(
        self,
        folder: Path,
        config: Any = None,
        inputs: Mapping[str, str] | None = None,
        *,
        version: str = "2",
    ):
        """`version` is the stage's: raised when the same configuration gives another result."""
        self.folder = folder
        self._replaced: tuple[int, int] | None = None  # which folder the new one takes the place of
        self._made: list[Path] = []  # to write into, and those above it that weren't there
        self.began = time.monotonic()  # of the work that its mark tells the time of
        self.made_from = {
            "config": plain(config),
            "inputs": dict(inputs or {}),
            "code_version": version,
        }
        text = json.dumps(self.made_from, sort_keys=True)
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]

    def is_done(self, overwrite: bool = False) -> bool:
        """True when the folder holds this artifact, whole.

        Raises UserError when it holds another one (made from another configuration or other inputs) or a
        damaged one; with `overwrite` that counts as not done. It stays until what is then written is whole,
        so that nothing is lost where the work is refused, or fails.
        """
        if not os.path.lexists(self.folder):
            return self._was_only_to_be_renamed()
        try:
            self._check(self.folder)
        except UserError:
            if not overwrite:
                raise
            self._replaced = _which(self.folder)
            return self._was_only_to_be_renamed()
        return True

    def _check(self, folder: Path) -> None:
        mark = read_mark(folder)
        self.check_fingerprint(mark)
        verify(folder, mark)

    def _was_only_to_be_renamed(self) -> bool:
        """Finish for a writer that was stopped before renaming the folder. Return True when there was one."""
        if not (self._partial / MARK).exists():
            return False
        try:
            self._check(self._partial)
        except UserError:
            return False
        self._rename()
        return True

    def check_fingerprint(self, mark: Mapping[str, Any]) -> None:
        """Raise UserError, saying what differs, when the mark of the folder is another artifact's."""
        if mark.get("fingerprint") != self.fingerprint:
            raise UserError(
                f"{self.folder} was made from another configuration ({self._difference(mark)}): "
                "choose another run=NAME, or add overwrite=true to make it again"
            )

    def _difference(self, mark: Mapping[str, Any]) -> str:
        old, new = _flatten(mark.get("made_from", {})), _flatten(self.made_from)
        changed = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
        shown = [
            f"{key.removeprefix('config.')}: {old.get(key)} → {new.get(key)}" for key in changed
        ]
        return "; ".join(shown[:2]) + (f"; and {len(shown) - 2} more" if len(shown) > 2 else "")

    @contextmanager
    def writing(self, elsewhere: Iterable[Path] = (), *, alone: bool = False) -> Iterator[Path]:
        """Yield a folder to write into; it becomes the artifact when the block ends without an exception.

        Checksums of the files `elsewhere` are kept with those of its own. What an interrupted writer of the
        same fingerprint left stays, so that the work can go on from there. All processes that were launched
        together enter the block, and the first of them makes and finishes the folder; with `alone`, only this
        process writes. Raises UserError while another command writes the folder, or has just written it.
        """
        together = not alone
        lock = self._prepare() if alone or processes.is_main() else None
        try:
            if together:
                processes.wait()
            yield self._partial
            if together:
                processes.wait()
            if lock is not None:
                self._finish(elsewhere)
        except BaseException as error:
            if lock is not None:
                with suppress(OSError):  # that the disk is full is told already
                    self._sign(lock)
                    if isinstance(error, Exception):  # not interrupted, to go on from here
                        self._leave_nothing_empty()
            raise
        finally:
            if lock is not None:
                lock.close()
        if together:
            processes.wait()

    @property
    def _partial(self) -> Path:
        return self.folder.with_name(self.folder.name + PARTIAL)

    def _prepare(self) -> IO[str]:
        """Lock the folder to write into, and clear it of what another artifact's writer left."""
        partial = self._partial
        self._made = [path for path in (partial, *partial.parents) if not path.exists()]
        lock = hold(partial / STARTED, self.folder)
        try:
            if os.path.lexists(self.folder) and not self._is_replaced():
                remove(partial)
                raise UserError(
                    f"another winnow has just written {self.folder}: the same command goes on from it"
                )
            left = signed(partial / STARTED)
            if left.get("fingerprint") == self.fingerprint:
                self.began -= left.get("seconds", 0.0) + _untold_seconds(partial)
            else:
                for path in partial.iterdir():
                    if path.name != STARTED:
                        remove(path)
            self._sign(lock)
        except BaseException:
            lock.close()
            raise
        return lock

    def _sign(self, lock: IO[str]) -> None:
        """Record for a later writer what is written here, and the seconds that it took so far."""
        sign(lock, {"fingerprint": self.fingerprint, "seconds": self._seconds()})

    def _leave_nothing_empty(self) -> None:
        """Take back the folder to write into, and those made for it, where nothing was written yet."""
        if [path.name for path in self._partial.iterdir()] != [STARTED]:
            return  # the work goes on from there
        remove(self._partial)
        for folder in self._made[1:]:
            folder.rmdir()  # refused where anything lies in it

    def _seconds(self) -> float:
        return round(time.monotonic() - self.began, 1)

    def _finish(self, elsewhere: Iterable[Path]) -> None:
        partial = self._partial
        own = (partial / STARTED, partial / MARK)
        files = sorted(path for path in partial.rglob("*") if path.is_file() and path not in own)
        sums = {path.relative_to(partial).as_posix(): hash_file(path) for path in files}
        sums |= {path.absolute().as_posix(): hash_file(path) for path in elsewhere}
        mark = {"fingerprint": self.fingerprint, "made_from": self.made_from, "files": sums}
        write_json(partial / MARK, mark | {"seconds": self._seconds()})
        self._rename()

    def _is_replaced(self) -> bool:
        """Whether the folder is still the one that was to be replaced, and not what another process wrote."""
        return self._replaced is not None and _which(self.folder) == self._replaced

    def _rename(self) -> None:
        if self._is_replaced():
            with suppress(FileNotFoundError):  # of several that found it whole, another was quicker
                remove(self.folder)
        try:
            os.replace(self._partial, self.folder)
        except OSError as error:
            # A server may answer twice, and another process that found it whole may have been quicker.
            if not (self.folder / MARK).exists():
                raise UserError(
                    f"{self._partial} is whole and can't be renamed to {self.folder.name}"
                    f" ({error.strerror}): run the same command again"
                ) from error
        (self.folder / STARTED).unlink(missing_ok=True)


def _which(folder: Path) -> tuple[int, int] | None:
    """What tells a folder, or a link, from another at the same place; None where there is none."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _untold_seconds(partial: Path) -> float:
    """How long a writer that was killed, and couldn't tell, went on: until the last file that it wrote."""
    told = (partial / STARTED).stat().st_mtime
    times = [path.stat().st_mtime for path in partial.rglob("*") if path.is_file()]
    return max(times, default=told) - told


def read_mark(folder: Path) -> dict[str, Any]:
    """What marks a folder as a whole artifact; raises UserError where there is no such mark."""
    try:
        mark = read_json(folder / MARK)
    except UserError:
        mark = None
    made_from = mark.get("made_from") if isinstance(mark, dict) else None
    if not isinstance(made_from, dict) or "fingerprint" not in mark:
        state = "damaged" if (folder / MARK).exists() else "missing"
        raise UserError(
            f"{folder / MARK} is {state}: delete {folder} and run again to make it anew"
        )
    return dict(mark)


def verify(folder: Path, mark: Mapping[str, Any]) -> None:
    """Compare each file of an artifact with its checksum; raises UserError at the first that differs."""
    for name, expected in mark.get("files", {}).items():
        path = folder / name  # one that lies elsewhere has its whole path for a name
        if not path.exists() or hash_file(path) != expected:
            state = "altered or truncated" if path.exists() else "missing"
            raise UserError(f"{path} is {state}: delete {folder} and run again to make it anew")


def fingerprint_of(folder: Path, made_by: str, of: Mapping[str, str] | None = None) -> str:
    """The fingerprint of an artifact that is already there.

    `of` are fingerprints, by name, of what is there now: what it was made from must be the same. Raises
    UserError, naming the command in `made_by`, when the artifact isn't there or was made from another
    input (then with both fingerprints), and when it is damaged.
    """
    if not (folder / MARK).exists():
        raise UserError(f"{folder} isn't there yet: run `winnow {made_by}` first")
    mark = read_mark(folder)
    made_from = mark["made_from"].get("inputs", {})
    for name, now in (of or {}).items():
        if made_from.get(name, now) != now:
            raise UserError(
                f"{folder} was made for another {name} ({made_from[name]}; the one there now is {now}): "
                f"run `winnow {made_by} overwrite=true`"
            )
    verify(folder, mark)
    return str(mark["fingerprint"])


def run_folder(cfg: DictConfig) -> Path:
    """The folder of the run that the configuration names."""
    return Path(cfg.runs_dir) / str(cfg.run)


def arm_name(cfg: DictConfig) -> str:
    """The arm that a verb for one arm works on: `arm`, or the core where that is null."""
    return str(cfg.arm or "core")
