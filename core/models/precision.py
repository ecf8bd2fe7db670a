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
from transformers.utils import is_torch_bf16_gpu_available

from core.errors import UserError, nearest

PRECISIONS = ("auto", "float32", "bfloat16")
PAYS = 1.3  # times float32's rate, from which on bfloat16 makes up for its conversions
SHAPE = (256, 512, 512)  # of the products that are timed
TIMED = 0.05  # seconds, of each precision; the fastest product counts, for others may be at work
FOLDER = "WINNOW_CACHE"  # in the environment: where what was measured is kept
CACHE = os.path.expanduser("~/.cache/winnow")  # else
CPUINFO = Path("/proc/cpuinfo")


def in_bfloat16(precision: str) -> bool:
    """Return True when training multiplies in bfloat16.

    Raises UserError for an unknown precision, and for bfloat16 on a GPU without it.
    """
    if precision not in PRECISIONS:
        hint = nearest(precision, PRECISIONS) or f"; choose {', '.join(PRECISIONS)}"
        raise UserError(f"training.precision={precision}: no such precision{hint}")
    if torch.accelerator.is_available():
        if precision == "bfloat16" and not is_torch_bf16_gpu_available():
            raise UserError(
                "training.precision=bfloat16: this GPU doesn't have it; take float32, or auto"
            )
        return precision != "float32" and is_torch_bf16_gpu_available()
    if precision != "auto":
        return precision == "bfloat16"
    rates = cpu_rates()
    return rates["bfloat16"] >= PAYS * rates["float32"]


def multiplying(device: torch.device, precision: str) -> torch.autocast:
    """Forward passes in training's precision; not around an optimizer's steps, for it keeps weights."""
    return torch.autocast(device.type, torch.bfloat16, enabled=in_bfloat16(precision))


@cache
def cpu_rates() -> dict[str, float]:
    """GFLOP/s of products in each precision: measured once a machine and version of torch, then kept."""
    kept, key = Path(os.environ.get(FOLDER) or CACHE) / "rates.json", machine()
    others: dict[str, dict[str, float]] = {}
    try:
        others = dict(json.loads(kept.read_text(encoding="utf-8")))
        return {name: float(others[key][name]) for name in ("float32", "bfloat16")}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    rates = {name: _rate(getattr(torch, name)) for name in ("float32", "bfloat16")}
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_name(f"{kept.name}.{os.getpid()}")
        new.write_text(json.dumps({**others, key: rates}) + "\n", encoding="utf-8")
        new.replace(kept)
    except OSError:
        pass  # no home to write to: it is measured again
    return rates


def _rate(dtype: torch.dtype) -> float:
    rows, inner, columns = SHAPE
    a, b = torch.randn(rows, inner).to(dtype), torch.randn(inner, columns).to(dtype)
    a @ b  # some CPUs compile a product's shape when it first comes
    began, fastest = time.perf_counter(), float("inf")
    while time.perf_counter() - began < TIMED:
        start = time.perf_counter()
        a @ b
        fastest = min(fastest, time.perf_counter() - start)
    return 2 * rows * inner * columns / fastest / 1e9


def machine() -> str:
    """What the rates are of: this CPU with what it can do, and the version of torch."""
    return f"{_cpu()}, torch {torch.__version__}"


def _cpu() -> str:
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = [line.partition(":") for line in lines]
    told = {name.strip(): value.strip() for name, _, value in pairs}
    flags = [flag for flag in told.get("flags", "").split() if "bf16" in flag]
    return " ".join([told.get("model name", platform.machine()), *sorted(flags)])
