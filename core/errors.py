"""The one exception that stands for bad input."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend: the command line prints it as one line and exits with status 2.

    The message says what is wrong, where, and what to do about it.
    """


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'teacher'?``, or nothing when no known word is close."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""
