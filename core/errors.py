"""The one exception that stands for bad input, and the one line that the user reads."""

import difflib
import errno
import os
from collections.abc import Iterable

PLACE_ERRORS = {
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
}
FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# How a full disk reads in the exceptions of safetensors, datasets and torch.save.
FULL = (
    *("No space left on device", "Not enough disk space", "unexpected pos", "failed writing"),
    "File too large",  # a limit of the shell or of the file system
)


class UserError(Exception):
    """Something the user can mend: the command line prints it as one line and exits with status 2.

    The message says what is wrong, where, and what to do about it.
    """


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """A hint such as ``; did you mean 'teacher'?``, or nothing when no known word is close.

    `cutoff` says how close: difflib's ratio, from 0 for any word to 1 for the same one.
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f"; did you mean '{close[0]}'?" if close else ""


def explain(error: BaseException) -> str | None:
    """One line for what the user can mend, or None for a bug.

    Looks along the chain of causes: Hydra and datasets wrap what a constructor or a row raised.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, UserError):
            return " ".join(str(cause).split())
        number = cause.errno if isinstance(cause, OSError) else None
        where = f": {cause.filename}" if isinstance(cause, OSError) and cause.filename else ""
        if number in FULL_ERRORS or any(text in str(cause) for text in FULL):
            return f"no space left on the disk{where}; free some, and the same command goes on"
        if number in PLACE_ERRORS:
            return f"{os.strerror(number).lower()}{where}; choose a folder you can write to"
        cause = cause.__cause__
    return None
