"""Memory that was freed stays the process's own.

The C library gives a large block back to the system as soon as it is freed, and every new one is then
brought in page by page. A training step allocates gigabytes: SmolLM2's took a sixth longer for it.
"""

import ctypes
import gc
import os
from collections.abc import Callable
from typing import Any

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # of mallopt(3), in glibc
MOST = 2**31 - 1  # bytes: blocks up to it come from the heap, and as much stays there
OWN = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")


def keep_freed() -> None:
    """Let the process keep what it frees, unless the environment chooses otherwise or libc can't."""
    if any(name in os.environ for name in OWN):
        return
    mallopt = _of_libc("mallopt")
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, MOST)
        mallopt(TRIM_THRESHOLD, MOST)


def give_back() -> None:
    """Hand what is free to the system: a process that has done its large work is in others' way."""
    gc.collect()
    trim = _of_libc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_libc(name: str) -> Callable[..., Any] | None:
    return getattr(ctypes.CDLL(None) if os.name == "posix" else None, name, None)
