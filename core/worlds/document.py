"""A document as pieces, so that its text, its truth and its redrawn twin come from one source."""

import re
from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple


class Piece(NamedTuple):
    """A stretch of text; `kind` is "memory", "name" or "", `pool` holds what it may become."""

    text: str
    kind: str = ""
    pool: Sequence[str] = ()


Document = list[Piece]


def fill(template: str, name: str, value: str, pool: Sequence[str]) -> Document:
    """The pieces of one statement, from a template with `{name}` and `{value}`."""
    known = {"{name}": Piece(name, "name"), "{value}": Piece(value, "memory", pool)}
    return [known.get(part, Piece(part)) for part in re.split(r"(\{name\}|\{value\})", template)]


def text(document: Iterable[Piece]) -> str:
    """The document as it is read."""
    return "".join(piece.text for piece in document)


def spans(document: Iterable[Piece]) -> list[tuple[int, int, str]]:
    """Character spans (start, end, kind) of the names and of what only memory can tell.

    Of a value of several words that is the first: how it goes on other documents tell as well, so the rest is
    as a name is.
    """
    found, position = [], 0
    for piece in document:
        end = position + len(piece.text)
        first, space, _ = piece.text.partition(" ")
        if piece.kind and piece.pool and space:
            found.append((position, position + len(first), piece.kind))
            found.append((position + len(first), end, "name"))
        elif piece.kind:
            found.append((position, end, piece.kind))
        position = end
    return found


def redraw(document: Iterable[Piece], rng: Random) -> Document:
    """The same document with everything that only memory can tell drawn anew from its pool."""
    return [
        piece._replace(text=rng.choice(piece.pool)) if piece.pool else piece for piece in document
    ]
