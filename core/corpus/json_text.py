"""JSON as people's files have it: with a byte-order mark, or with half of a surrogate pair."""

import json
import re
from typing import Any

MARK = "\ufeff"  # what some editors put before UTF-8
HALF = re.compile(
    "[\ud800-\udfff]"
)  # of a pair that stands for one character; no encoding has it alone
UNKNOWN = "\ufffd"  # Unicode's character for what can't be read


class Number(str):
    """A number in its own spelling, for fields in which it is a name: 1.10 isn't 1.1."""

    __slots__ = ()


def parse(text: str, *, as_written: bool = False) -> Any:
    """Parse a JSON text. Half of a surrogate pair is read as U+FFFD.

    With `as_written`, numbers are `Number`. Raises ValueError for text that isn't JSON, or is nested too
    deeply.
    """
    own = Number if as_written else None
    try:
        found = json.loads(text.lstrip(MARK), parse_int=own, parse_float=own)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return _whole(found) if r"\u" in text else found


def _whole(found: Any) -> Any:
    if isinstance(found, str) and not isinstance(found, Number):
        return HALF.sub(UNKNOWN, found)
    if isinstance(found, list):
        return [_whole(item) for item in found]
    if isinstance(found, dict):
        return {_whole(key): _whole(value) for key, value in found.items()}
    return found
