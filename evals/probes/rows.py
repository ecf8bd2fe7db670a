"""Rows of JSON lines, checked field by field: what every file of probes is read with."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.corpus.json_text import parse
from core.errors import UserError


def read_rows(path: str | Path) -> Iterator[tuple[str, Any]]:
    """Each row with where it stands (`file:line`); blank lines are skipped.

    Raises `UserError` when there is no such file, no row in it, or a line that isn't JSON.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no probe file at {path}; give one with probes.path=FILE.jsonl")
    try:
        # Not splitlines(): a JSON string may hold other line separators unescaped.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} isn't UTF-8 text ({error.reason}); save it as UTF-8") from None
    if not any(line.strip() for line in lines):
        raise UserError(f"{path} has no probes; write one JSON object a line")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = parse(line)
        except ValueError as error:
            raise UserError(f"{where}: not JSON ({error}); write one object a line") from None
        yield where, row


def text_of(row: dict[str, Any], name: str, where: str) -> str:
    """The text in the field `name`. Raises `UserError` when it is missing, empty or something else."""
    return _text(row.get(name), name, where)


def texts_of(row: dict[str, Any], name: str, where: str) -> tuple[str, ...]:
    """The texts in the field `name`, one or more. Raises `UserError` for anything else."""
    value = row.get(name)
    if value is None:
        raise UserError(f"{where}: field '{name}' is missing; each row needs one")
    if not isinstance(value, list):
        raise UserError(f"{where}: {name} must be a list of texts, not {json.dumps(value)}")
    if not value:
        raise UserError(f"{where}: {name} is empty; list at least one text")
    return tuple(_text(item, f"an item of {name}", where) for item in value)


def end_of_line(text: str) -> str:
    """A prompt without the one space at its end, which stands before any answer; other white space stays."""
    return text[:-1] if text.endswith(" ") and not text[:-1].endswith(" ") else text


def _text(value: object, name: str, where: str) -> str:
    if value is None:
        raise UserError(f"{where}: field '{name}' is missing; each row needs one")
    if not isinstance(value, str):
        raise UserError(f"{where}: {name} must be text, not {json.dumps(value)}")
    if not value.strip():
        raise UserError(f"{where}: {name} is empty; write some text")
    return value
