"""Imports point one way: forgetting and evals use core, nothing but winnow.py uses them, and rooms only what
lies below.
"""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "core": {"forgetting", "evals", "winnow"},
    "forgetting": {"evals", "winnow"},
    "evals": {"forgetting", "winnow"},
}
# From the ground up: a room, which is a package or a file beside them, imports those before it alone.
STAIRS = {
    "core": """errors runs config models corpus worlds writing signal training judgement store export arms
        night cli""",
    "evals": """probes scores recall metrics lookup verdict evaluate attacks own harness tasks watch judgement
        asked_alike subjects card night report stage sweep""",
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


def rooms_imported(house: str, file: Path) -> Iterator[str]:
    """The rooms of a house that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith(f"{house}."))


@pytest.mark.parametrize("house", STAIRS)
def test_a_room_imports_only_what_lies_below_it(house: str) -> None:
    stair = STAIRS[house].split()
    floors = {room: number for number, room in enumerate(stair)}
    places = {
        path.stem
        for path in (ROOT / house).iterdir()
        if path.stem not in ("__init__", "__pycache__") and path.suffix != ".typed"
    }
    assert places == set(stair), "every room has its place on the stair"
    for file in sorted((ROOT / house).rglob("*.py")):
        room = file.relative_to(ROOT / house).parts[0].removesuffix(".py")
        if room != "__init__":
            above = {other for other in rooms_imported(house, file) if floors[other] > floors[room]}
            assert not above, f"{file.relative_to(ROOT)} imports {', '.join(sorted(above))}"


@pytest.mark.parametrize(
    "file", sorted((ROOT / "tests" / "bench").glob("*.py")), ids=lambda f: f.stem
)
def test_a_benchmark_imports_what_is_there(file: Path) -> None:
    """They aren't run here; a module or a name that has moved is found all the same."""
    assert importlib.import_module(f"tests.bench.{file.stem}").__doc__
