"""`winnow run`: every stage of an experiment in order, independent ones side by side.

Each job is a verb in a process of its own; a job starts when those it needs have ended. On small models
several one-thread processes do more work than one process with several threads.
"""

import multiprocessing as mp
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.progress import Progress

from core.console import Lines, console, progress_bars
from core.errors import UserError, nearest
from core.verbs import load_verb


@dataclass(frozen=True)
class Job:
    """One verb, for one arm; `needs` names the jobs that come first."""

    name: str
    verb: str
    cfg: DictConfig
    needs: tuple[str, ...] = ()


def run(cfg: DictConfig) -> None:
    """Do what is missing of corpus, teacher, arms, map, store, evaluation and attacks; then report.

    With `seeds`, all of it for each of them, in `seed_<n>/` folders of the run.
    """
    began = time.monotonic()
    make(cfg)
    load_verb("report")(cfg)
    console.print(f"{(time.monotonic() - began) / 60:.1f} minutes", style="dim")


def make(cfg: DictConfig, *names: str) -> None:
    """Do all jobs of `plan`, or those of these names and what they need; what is done is skipped.

    With `seeds`, for each of them. Raises UserError for a job that the run doesn't have.
    """
    from core.distill import check_arms

    if cfg.model is not None:
        raise UserError("model= is for `winnow eval` and `winnow attack`; a run makes its own")
    check_arms(cfg)  # before anything is trained
    runs = parts(cfg)
    pool = _Pool(cfg)
    pool.do([Job(_label(one, "corpus"), "corpus", one) for one in runs])
    pool.do([job for one in runs for job in needed(plan(one), [_label(one, n) for n in names])])


def needed(jobs: list[Job], names: Sequence[str]) -> list[Job]:
    """The jobs of these names and all that they need, in order; without names, all of them."""
    known = {job.name: job for job in jobs}
    wanted, todo = set[str](), list(names or known)
    while todo:
        name = todo.pop()
        if name not in known:
            raise UserError(f"this run has no '{name}'{nearest(name, known)}")
        if name not in wanted:
            wanted.add(name)
            todo += known[name].needs
    return [job for job in jobs if job.name in wanted]


def parts(cfg: DictConfig) -> list[DictConfig]:
    """The configurations of the runs that this one consists of: one for each of its `seeds`, or itself."""
    return [seeded(cfg, seed) for seed in cfg.seeds] or [cfg]


def seeded(cfg: DictConfig, seed: int) -> DictConfig:
    """The configuration of one seed's part of a run over several."""
    one = cfg.copy()
    one.seed, one.run, one.seeds = seed, f"{cfg.run}/seed_{seed}", []
    return one


def _label(cfg: DictConfig, name: str) -> str:
    folder = str(cfg.run).rpartition("/")[2]
    return f"{folder} {name}" if folder.startswith("seed_") else name


def plan(cfg: DictConfig) -> list[Job]:
    """The jobs of a run, in the order in which they start; arms that the corpus can't give are left out.

    Raises UserError when the map's reference isn't among the arms.
    """
    from core.corpus.stage import OUTSIDE, PackedCorpus

    variants = PackedCorpus.of(cfg).variants
    arms = [name for name, arm in cfg.arms.items() if arm.corpus in variants]
    for name in cfg.arms:
        if name not in arms:
            console.print(f"{name}: missing, the corpus gives no such control", style="yellow")
    reference = cfg.memory_map.reference
    if reference is not None and reference not in arms:
        raise UserError(
            f"memory_map.reference={reference} isn't among the arms{nearest(reference, arms)}"
        )

    def job(name: str, verb: str, arm: str, *needs: str) -> Job:
        own = cfg.copy()
        own.arm = own.only = arm
        return Job(_label(cfg, name), verb, own, tuple(_label(cfg, need) for need in needs))

    references = [reference] if reference is not None else []
    references += [arm for arm in arms if cfg.arms[arm].corpus.startswith(OUTSIDE)]
    jobs = [
        job("teacher", "teach", "teacher"),
        *(job(arm, "distill", arm) for arm in references),
        job("map", "map", "core", "teacher", *references),
        job("store", "store", "core", "map"),
    ]
    if cfg.distill.signal == "cached":
        jobs.append(job("cache", "cache", "core", "teacher"))
    needs = {arm: needs_of(cfg, arm) for arm in arms if arm not in references}
    jobs += [job(arm, "distill", arm, *needs[arm]) for arm in needs]
    for arm in ["teacher", *references, *needs]:
        jobs.append(job(f"attack {arm}", "attack", arm, arm))
        jobs.append(job(f"eval {arm}", "eval", arm, arm, "store"))
    return jobs


def needs_of(cfg: DictConfig, arm: str) -> list[str]:
    """What an arm is trained from: another arm, the teacher, the map."""
    from core.distill import regularizers_of

    start = [cfg.arms[arm].start] if cfg.arms[arm].get("start") else []
    if not cfg.arms[arm].teacher:
        return start
    regularizers = regularizers_of(cfg, cfg.arms[arm]).values()
    needs_map = any(r.needs_memory_map for r in regularizers)
    is_cached = cfg.distill.signal == "cached"
    return [*start, "teacher", *["map"] * needs_map, *["cache"] * is_cached]


@dataclass
class _Running:
    process: BaseProcess
    messages: Connection
    error: str | None = None
    bug: str | None = None


class _Pool:
    """Runs jobs in at most `cfg.jobs` processes, and shows how they get on."""

    def __init__(self, cfg: DictConfig):
        self.cfg = cfg
        self.context = mp.get_context("forkserver")
        self.context.set_forkserver_preload(["core.worker"])
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
                    for job in ready[: max(0, self.cfg.jobs - len(running))]:
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
        from core.worker import work

        ours, theirs = self.context.Pipe(duplex=False)
        cfg = OmegaConf.to_container(job.cfg, resolve=True)
        process = self.context.Process(target=work, args=(cfg, job.verb, theirs))
        with _without_main():
            process.start()
        theirs.close()
        return _Running(process, ours)

    def _listen(
        self, running: dict[str, _Running], bars: Progress, tasks: dict[str, Any]
    ) -> list[str]:
        """Show what the jobs say until one says something; names of those that have ended."""
        ended = []
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
    """Children don't import the program that called us, which might start the same run in each of them."""
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
