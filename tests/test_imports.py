"""Imports point one way: forgetting and evals use core, and nothing but winnow.py uses them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "core": {"forgetting", "evals", "winnow"},
    "forgetting": {"evals", "winnow"},
    "evals": {"forgetting", "winnow"},
}


def imported(source: str) -> Iterator[str]:
    """The top-level names that `source` imports, inside functions and by name included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level > 1:
            yield from (alias.name for alias in node.names)  # `from .. import evals`
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value).split(".")[0]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_direction(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        wrong = FORBIDDEN[package] & set(imported(file.read_text()))
        assert not wrong, f"{file.relative_to(ROOT)} imports {', '.join(sorted(wrong))}"


def test_the_check_sees_every_way_to_import() -> None:
    for line in (
        "import evals.probes",
        "from evals import probes",
        "def f():\n    import evals",
        "importlib.import_module('evals.probes')",
        "from .. import evals",
    ):
        assert "evals" in set(imported(line)), line
