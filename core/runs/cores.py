"""How many jobs and threads: no more than there are free cores.

Threads wait for each other at every product: beside one other busy process, steps on two threads took three
to four times as long as on one. What the user says wins: `jobs=`, `threads=`, and OMP_NUM_THREADS.
"""

import os
import time
from pathlib import Path

from core.errors import UserError

MOST_JOBS = 4  # each holds its models in memory
MOST = 1024  # jobs or threads that are asked for
LOOKED_AT = 0.25  # seconds
STAT = Path("/proc/stat")
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds in so many, or `max`


def chosen(jobs: int | None, threads: int | None) -> tuple[int, int]:
    """The number of jobs and the threads of each: as given, else by the load.

    Raises UserError for a number below one, or beyond any machine's.
    """
    for name, value in (("jobs", jobs), ("threads", threads)):
        is_count = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST
        if value is not None and not is_count:
            raise UserError(
                f"{name} takes a whole number from 1 to {MOST}, or null for what is free, not '{value}'"
            )
    threads = threads or _threads_of_environment()
    if jobs and threads:
        return jobs, threads
    free = free_cores()
    jobs = jobs or max(1, min(MOST_JOBS, free // (threads or 1)))
    return jobs, threads or max(1, free // jobs)


def _threads_of_environment() -> int | None:
    """What the user, or a launcher, has set for all programs; of several levels the outermost."""
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(told) if told.isdecimal() and int(told) else None


def free_cores() -> int:
    """The cores that this process may use and others don't, from a glance at the load; at least one."""
    own = _own_cores()
    busy = sum(_busy(own).values()) if STAT.exists() else os.getloadavg()[0]
    free = min(len(own) - busy, _quota())
    return max(1, int(free + 0.5))


def _own_cores() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _quota() -> float:
    try:
        most, period = QUOTA.read_text().split()
        return int(most) / int(period)
    except (OSError, ValueError):
        return float("inf")


def _busy(cores: set[int]) -> dict[int, float]:
    """The share of a moment that each core was busy."""
    before = _spent()
    time.sleep(LOOKED_AT)
    shares = {}
    for core, (idle, whole) in _spent().items():
        was_idle, was_whole = before.get(core, (0, 0))
        if core in cores and whole > was_whole:
            shares[core] = 1 - (idle - was_idle) / (whole - was_whole)
    return shares


def _spent() -> dict[int, tuple[int, int]]:
    """By core, ticks that it was idle or waited for a disk, and all ticks."""
    spent = {}
    for line in STAT.read_text().splitlines():
        name, *told = line.split()
        if name.startswith("cpu") and name[3:].isdecimal():
            ticks = [int(tick) for tick in told[:8]]
            spent[int(name[3:])] = (sum(ticks[3:5]), sum(ticks))
    return spent
