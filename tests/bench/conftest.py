"""Benchmarks write every figure to runs/bench/results.json; `make bench` runs them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

RESULTS = Path("runs/bench/results.json")


@pytest.fixture
def record() -> Callable[..., None]:
    """Keep a figure: record("name", value, "unit", n=repetitions)."""

    def keep(name: str, value: float, unit: str, *, n: int) -> None:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        known[name] = {"value": round(value, 4), "unit": unit, "n": n}
        RESULTS.write_text(json.dumps(known, indent=1) + "\n")
        print(f"\n{name}: {value:.3f} {unit} (n = {n})")

    return keep
