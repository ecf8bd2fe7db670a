"""Verbs of the command line, by name: `conf/verbs.yaml` says which function does each."""

import importlib
from collections.abc import Callable
from typing import Any

import yaml

from core.config import compose


def verbs() -> dict[str, dict[str, Any]]:
    """Each verb's `target` (module.function) and `help` (one line), and what may follow it."""
    loaded: dict[str, dict[str, Any]] = yaml.safe_load((compose.CONF / "verbs.yaml").read_text())
    return loaded


def load_verb(name: str) -> Callable[..., Any]:
    """Import the function that does a verb."""
    module, _, function = verbs()[name]["target"].rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
