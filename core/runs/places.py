"""Folders made and deleted, wherever they lie."""

import errno
import shutil
from pathlib import Path

from core.errors import UserError


def make_folder(path: Path) -> None:
    """Make a folder and those above it; raises UserError where the file system makes none (`/proc`)."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no folder can be made there; choose another one") from error


def remove(path: Path) -> None:
    """Delete a folder with all in it, or a file; of a link the link alone.

    Raises UserError where something in it stays, such as a file that a server keeps for who reads it.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        raise UserError(
            f"{path} can't be deleted: another process uses it; end it first"
        ) from error
