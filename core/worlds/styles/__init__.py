"""Styles of the embedded world, each a module of its own: how another writer would tell the same facts."""

import importlib
import pkgutil

from core.errors import UserError, nearest
from core.worlds.styles.style import Style


def names() -> list[str]:
    """The names of all styles."""
    return sorted(
        module.name for module in pkgutil.iter_modules(__path__) if module.name != "style"
    )


def find(name: str) -> Style:
    """The style of that name. Raises UserError when there is none."""
    known = names()
    if name not in known:
        hint = nearest(name, known) or f"; styles: {', '.join(known)}"
        raise UserError(f"corpus.style={name}: there is no such style{hint}")
    style: Style = importlib.import_module(f"{__name__}.{name}").STYLE
    return style
