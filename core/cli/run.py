"""`winnow run`: every stage of an experiment in order, independent ones side by side."""

import time
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from core.cli.pool import Job, Pool
from core.config.verbs import load_verb
from core.errors import UserError, nearest
from core.runs.artifacts import MARK, run_folder
from core.runs.console import console
from core.runs.cores import chosen

STYLE, SEED = "style_", "seed_"  # how the folders of the parts of a run are called


def run(cfg: DictConfig) -> None:
    """Do what is missing of corpus, teacher, arms, map, store, evaluation and attacks; then report.

    First it says what it will take here, and with `forecast.plan` only that (core/cli/forecast.py).

    With `seeds`, all of it for each of them, in `seed_<n>/` folders of the run; with `styles` of the embedded
    world all that for each of them, in `style_<name>/` folders.
    """
    from core.cli.forecast import announce

    began = time.monotonic()
    cfg = _checked(cfg)
    announce(cfg, [job for one in runs_of(cfg) for job in (_corpus(one, 1), *plan(one))])
    if cfg.forecast.plan:
        return
    make(cfg)
    load_verb("report")(cfg)
    console.print(f"{(time.monotonic() - began) / 60:.1f} minutes", style="dim")


def make(cfg: DictConfig, *names: str) -> None:
    """Do all jobs of `plan`, or those of these names and what they need; what is done is skipped.

    With `seeds` and `styles`, for each of them. Raises UserError for a job that the run doesn't have.
    """
    cfg = _checked(cfg)
    runs = runs_of(cfg)
    pool = Pool(cfg.jobs)
    pool.do([_corpus(one, len(runs)) for one in runs])
    pool.do([job for one in runs for job in needed(plan(one), [_label(one, n) for n in names])])


def _checked(cfg: DictConfig) -> DictConfig:
    """The configuration with its jobs and threads chosen; raises UserError for what no run has."""
    from core.arms.settings import check_arms, check_named_arms
    from core.night.settings import check_life
    from core.worlds.worked.families import families_of

    if cfg.model is not None:
        raise UserError("model= is for `winnow eval` and `winnow attack`; a run makes its own")
    check_arms(cfg)
    check_named_arms(cfg)
    families_of(list(cfg.value.families))
    for life in cfg.night.lives:
        check_life(str(life))
    one = cfg.copy()
    one.jobs, one.threads = chosen(cfg.jobs, cfg.threads)
    return one


def _corpus(cfg: DictConfig, num_runs: int) -> Job:
    return Job(_label(cfg, "corpus"), "corpus", _alone(cfg, num_runs))


def _alone(cfg: DictConfig, num_runs: int) -> DictConfig:
    """With the threads of all jobs, where fewer run side by side: a teacher may be writing the corpus."""
    one = cfg.copy()
    one.threads = max(cfg.threads, cfg.threads * cfg.jobs // num_runs)
    return one


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


def runs_of(cfg: DictConfig) -> list[DictConfig]:
    """The configurations of the runs that this one consists of: of each of its `styles`, one for each of
    its `seeds`. Raises UserError for a style that there isn't, for what is no seed, and for one given twice.
    """
    return [part for one in by_style(cfg) for part in _by_seed(one)]


def by_style(cfg: DictConfig) -> list[DictConfig]:
    """One configuration for each of its `styles`, or itself; raises UserError as `runs_of` does."""
    _check_distinct("styles", list(cfg.styles))
    return [styled(cfg, style) for style in cfg.styles] or [cfg]


def styled(cfg: DictConfig, style: str) -> DictConfig:
    """The configuration of one style's part of a run over several."""
    from core.worlds import styles

    if "style" not in cfg.corpus:
        raise UserError("styles= is for corpus=world: another corpus is written as it is")
    styles.find(style)
    one = cfg.copy()
    one.corpus.style, one.run, one.styles = style, f"{cfg.run}/{STYLE}{style}", []
    return one


def _by_seed(cfg: DictConfig) -> list[DictConfig]:
    for seed in cfg.seeds:
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            raise UserError(f"seeds takes whole numbers from 0, as in seeds=[0,1,2], not '{seed}'")
    _check_distinct("seeds", list(cfg.seeds))
    return [seeded(cfg, seed) for seed in cfg.seeds] or [cfg]


def _check_distinct(key: str, items: Sequence[Any]) -> None:
    """Raise UserError for what is named twice: two runs would share a folder, and have no spread."""
    for item in items:
        if items.count(item) > 1:
            raise UserError(f"{key} has {item} twice: name each once")


def seeded(cfg: DictConfig, seed: int) -> DictConfig:
    """The configuration of one seed's part of a run over several."""
    one = cfg.copy()
    one.seed, one.run, one.seeds = seed, f"{cfg.run}/{SEED}{seed}", []
    return one


def _label(cfg: DictConfig, name: str) -> str:
    folders = [f for f in str(cfg.run).split("/")[1:] if f.startswith((STYLE, SEED))]
    return " ".join([*folders, name])


def plan(cfg: DictConfig) -> list[Job]:
    """The jobs of a run after its corpus, in the order in which they start; arms that this can't give are
    left out. Until it is there, none is.

    Raises UserError when the map's reference isn't among the arms.
    """
    from core.corpus.stage import FOLDER, OUTSIDE, PackedCorpus

    is_there = (run_folder(cfg) / FOLDER / MARK).exists()
    variants = PackedCorpus.of(cfg).variants if is_there else None
    arms = [n for n, arm in cfg.arms.items() if variants is None or arm.corpus in variants]
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
        own.arm = arm
        return Job(_label(cfg, name), verb, own, tuple(_label(cfg, need) for need in needs))

    references = [reference] if reference is not None else []
    references += [arm for arm in arms if cfg.arms[arm].corpus.startswith(OUTSIDE)]
    made = ["probes"] if cfg.probes.get("maker") else []
    jobs = [
        job("teacher", "teach", "teacher"),
        *(job(arm, "distill", arm, *made) for arm in references),
        job("map", "map", "core", "teacher", *references),
        job("store", "store", "core", "map"),
    ]
    if cfg.distill.signal == "cached":
        jobs.append(job("cache", "cache", "core", "teacher"))
    jobs += [job("probes", "probes", "teacher", "teacher") for _ in made]
    needs = {arm: [*needs_of(cfg, arm), *made] for arm in arms if arm not in references}
    jobs += [job(arm, "distill", arm, *needs[arm]) for arm in needs]
    valued = [arm for arm in cfg.value.arms if arm in ("teacher", *arms)]
    jobs += [job(f"value {arm}", "value", arm, arm) for arm in valued]
    for arm in ["teacher", *references, *needs]:
        judged = [f"value {arm}"] if arm in valued else []
        jobs.append(job(f"attack {arm}", "attack", arm, arm, *made))
        jobs.append(job(f"eval {arm}", "eval", arm, arm, "store", *judged, *made))
    jobs += [job(f"night {life}", "nights", life, "core", *made) for life in cfg.night.lives]
    return jobs


def needs_of(cfg: DictConfig, arm: str) -> list[str]:
    """What an arm is trained from: another arm, the teacher, the map."""
    from core.arms.settings import regularizers_of

    start = [cfg.arms[arm].start] if cfg.arms[arm].get("start") else []
    if not cfg.arms[arm].teacher:
        return start
    regularizers = regularizers_of(cfg, cfg.arms[arm]).values()
    needs_map = any(r.needs_memory_map for r in regularizers)
    is_cached = cfg.distill.signal == "cached"
    return [*start, "teacher", *["map"] * needs_map, *["cache"] * is_cached]
