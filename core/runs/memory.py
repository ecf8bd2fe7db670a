"""Memory that was freed stays the process's own.

The C library gives a large block back to the system as soon as it is freed, and every new one is then
brought in page by page. A training step allocates gigabytes: SmolLM2's took a sixth longer for it.
"""

import ctypes
import os

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # of mallopt(3), in glibc
MOST = 2**31 - 1  # bytes: blocks up to it come from the heap, and as much stays there
OWN = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")


def keep_freed() -> None:
    """Let the process keep what it frees, unless the environment chooses otherwise or libc can't."""
    if any(name in os.environ for name in OWN):
        return
    mallopt = getattr(ctypes.CDLL(None) if os.name == "posix" else None, "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, MOST)
        mallopt(TRIM_THRESHOLD, MOST)
