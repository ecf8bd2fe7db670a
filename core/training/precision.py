"""In which precision training multiplies: bfloat16 where that is faster here, which is measured.

Weights, their gradients and the optimizer stay in float32 either way; products run in bfloat16 by autocast.
CPUs with AVX-512 BF16 or AMX multiply it at twice float32's rate, others at a fortieth of it.
"""

import json
import os
import platform
import time
from functools import cache
from pathlib import Path

import torch

from core.errors import UserError, nearest

PRECISIONS = ("auto", "float32", "bfloat16")
PAYS = 1.3  # times float32's rate, from which on bfloat16 makes up for its conversions
SHAPE = (256, 512, 512)  # of the products that are timed
TIMED = 0.05  # seconds, of each precision
CPUINFO = Path("/proc/cpuinfo")


def in_bfloat16(precision: str) -> bool:
    """Whether training multiplies in bfloat16. Raises UserError for a precision that there isn't."""
    if precision not in PRECISIONS:
        hint = nearest(precision, PRECISIONS) or f"; choose {', '.join(PRECISIONS)}"
        raise UserError(f"precision={precision}: no such precision{hint}")
    if precision != "auto":
        return precision == "bfloat16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    rates = cpu_rates()
    return rates["bfloat16"] >= PAYS * rates["float32"]


@cache
def cpu_rates() -> dict[str, float]:
    """GFLOP/s of products in each precision: measured once a machine and version of torch, then kept."""
    kept = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "winnow" / "rates.json"
    )
    key = f"{_cpu()}, torch {torch.__version__}"
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))[key]
        return {name: float(found[name]) for name in ("float32", "bfloat16")}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    rates = {name: _rate(getattr(torch, name)) for name in ("float32", "bfloat16")}
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_name(f"{kept.name}.{os.getpid()}")
        new.write_text(json.dumps({key: rates}) + "\n", encoding="utf-8")
        new.replace(kept)
    except OSError:
        pass  # no home to write to: it is measured again
    return rates


def _rate(dtype: torch.dtype) -> float:
    rows, inner, columns = SHAPE
    a, b = torch.randn(rows, inner).to(dtype), torch.randn(inner, columns).to(dtype)
    a @ b  # some CPUs compile a product's shape when it first comes
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < TIMED:
        a @ b
        count += 1
    return count * 2 * rows * inner * columns / (time.perf_counter() - began) / 1e9


def _cpu() -> str:
    """What this machine's CPU is called, with what it can do."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = [line.partition(":") for line in lines]
    told = {name.strip(): value.strip() for name, _, value in pairs}
    flags = [flag for flag in told.get("flags", "").split() if "bf16" in flag]
    return " ".join([told.get("model name", platform.machine()), *sorted(flags)])
