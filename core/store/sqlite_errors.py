"""What SQLite says of a file that can't be used, in one line."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import UserError


@contextmanager
def in_one_line(path: Path) -> Iterator[None]:
    """Raise UserError where SQLite raises one of its own for the store at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        if said.startswith("no such module"):
            raise UserError(
                f"this Python's SQLite {sqlite3.sqlite_version} has no full-text search ({said}): "
                "use a Python whose SQLite has FTS5"
            ) from error
        if "locked" in said:
            raise UserError(
                f"{path} is locked by another process: try again when it is done"
            ) from error
        if "readonly" in said or "unable to open" in said:
            raise UserError(
                f"{path} can't be opened ({said}): choose one you may write to"
            ) from error
        if "disk is full" in said:
            raise UserError(
                f"no space left on the disk: {path}; free some and try again"
            ) from error
        if type(error) is sqlite3.DatabaseError or "malformed" in said or "no such" in said:
            raise UserError(
                f"{path} is damaged or no store ({said}): delete it and run `winnow store` again"
            ) from error
        raise
