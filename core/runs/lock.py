"""A lock file: held by one process, and freed by the system when that ends, however it ends.

So a dead process's lock is taken over at once, and another process that happens to get its number has none.
"""

import errno
import fcntl
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from core.errors import UserError
from core.runs.console import console
from core.runs.places import make_folder

# What file systems without locks answer.
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


def hold(path: Path, what: Path) -> IO[str]:
    """Make the file and its folder, unless they are there, and lock it; closing it frees the lock.

    Raises UserError, naming `what` is being written, while another process holds it. On a file system
    without locks nothing is held, and a line says so.
    """
    while True:
        make_folder(path.parent)
        try:
            file = path.open("a+", encoding="utf-8")
        except FileNotFoundError:
            continue  # the other process has finished, and moved the folder
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise UserError(
                f"another winnow{_signature(path)} is writing {what}: wait until it has ended,"
                " or choose another run=NAME"
            ) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                file.close()
                raise
            console.print(
                f"{path.parent}: this file system has no locks; let no other winnow write there",
                style="yellow",
            )
            return file
        if _is_at(file, path):
            return file
        file.close()  # locked too late: the file was moved or deleted meanwhile


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def sign(lock: IO[str], told: Mapping[str, Any]) -> None:
    """Say in a locked file who holds it, and what else is `told`."""
    lock.truncate(0)
    json.dump({"process": os.getpid(), "host": socket.gethostname(), **told}, lock)
    lock.flush()


def signed(path: Path) -> dict[str, Any]:
    """What the last holder wrote. Empty where it was killed before or while it wrote."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _signature(path: Path) -> str:
    told = signed(path)
    return f" (process {told['process']} on {told['host']})" if "process" in told else ""
