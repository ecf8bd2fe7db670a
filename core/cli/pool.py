"""Jobs side by side: each a verb in a process of its own, started when those it needs have ended.

On small models several one-thread processes do more work than one process with several threads.
"""

import multiprocessing as mp
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.progress import Progress

from core.errors import UserError
from core.runs.console import Lines, console, progress_bars


@dataclass(frozen=True)
class Job:
    """One verb, for one arm; `needs` names the jobs that come first."""

    name: str
    verb: str
    cfg: DictConfig
    needs: tuple[str, ...] = ()


@dataclass
class _Running:
    process: BaseProcess
    messages: Connection
    error: str | None = None
    bug: str | None = None


class Pool:
    """Runs jobs in at most `num_processes` processes, and shows how they get on."""

    def __init__(self, num_processes: int):
        self.num_processes = num_processes
        self.context = mp.get_context("forkserver")
        self.context.set_forkserver_preload(["core.cli.worker"])
        self.lines = Lines()

    def do(self, jobs: list[Job]) -> None:
        """Raises UserError with the message of the first job that fails; the others are stopped."""
        waiting, running, done = list(jobs), dict[str, _Running](), set[str]()
        with progress_bars() as bars:
            overall = bars.add_task("all", total=len(jobs), note="")
            tasks = dict[str, Any]()
            try:
                while waiting or running:
                    ready = [job for job in waiting if done.issuperset(job.needs)]
                    for job in ready[: max(0, self.num_processes - len(running))]:
                        waiting.remove(job)
                        running[job.name] = self._start(job)
                        tasks[job.name] = bars.add_task(job.name, total=None, note="")
                    for name in self._listen(running, bars, tasks):
                        done.add(name)
                        bars.remove_task(tasks.pop(name))
                        bars.update(overall, advance=1)
            finally:
                for started in running.values():
                    started.process.terminate()
                for started in running.values():
                    started.process.join()

    def _start(self, job: Job) -> _Running:
        from core.cli.worker import work

        ours, theirs = self.context.Pipe(duplex=False)
        # Not resolved, or a `${` that is text would stand for an option there.
        cfg = OmegaConf.to_container(job.cfg, resolve=False)
        process = self.context.Process(target=work, args=(cfg, job.verb, theirs))
        with _without_main():
            process.start()
        theirs.close()
        return _Running(process, ours)

    def _listen(
        self, running: dict[str, _Running], bars: Progress, tasks: dict[str, Any]
    ) -> list[str]:
        """Wait for a message and show all that came; return the names of the jobs that have ended."""
        ended: list[str] = []
        ready = wait([job.messages for job in running.values()], timeout=1.0)
        for name, job in list(running.items()):
            if job.messages not in ready:
                continue
            try:
                kind, *rest = job.messages.recv()
            except EOFError:
                job.process.join()
                del running[name]
                _raise_failure(name, job)
                ended.append(name)
                continue
            if kind == "progress":
                steps, total, note = rest
                bars.update(tasks[name], completed=steps, total=total, note=note)
                if not console.is_terminal:
                    self.lines(name, steps, total, note)
            elif kind == "line":
                console.print(rest[0])
            elif kind == "user error":
                job.error = rest[0]
            else:
                job.bug = rest[0]
        return ended


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep children from importing the calling program, which might start the same run in each of them."""
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _raise_failure(name: str, job: _Running) -> None:
    if job.error is not None:
        raise UserError(job.error)
    if job.bug is not None:
        raise RuntimeError(f"{name}:\n{job.bug}")
    if code := job.process.exitcode:
        why = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        if code == -signal.SIGKILL:  # the one that no process can tell of itself
            why += ", as when memory runs out: jobs=1 and smaller batches need less"
        raise UserError(
            f"{name} was killed ({why}); the same command goes on from its last checkpoint"
        )
