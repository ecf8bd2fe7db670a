"""`winnow eval` and `winnow attack`: from arms and probes to scores."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from core.arms.settings import check_named_arms
from core.config.build import build
from core.corpus.rows import joined_text
from core.corpus.stage import PackedCorpus
from core.errors import UserError, nearest
from core.judgement.stage import has_value
from core.models.checkpoint import PLACE, fingerprint_model, place_of
from core.models.sources import is_pretrained
from core.runs.artifacts import Artifact, fingerprint_of, hash_file, plain, run_folder, write_json
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting
from core.store.ask import make_reader, prompt_writer
from core.store.stage import store_path
from evals.evaluate import evaluate_model, fitting, load_arm, warn_of_nothing_recalled
from evals.judgement.stage import FILE as RECORDS
from evals.judgement.stage import FOLDER as JUDGED
from evals.judgement.stage import judge
from evals.judgement.teacher import TEACHER, is_aimed_at, judge_teacher
from evals.lookup import look_up
from evals.probes.load import load_probes
from evals.probes.probe import AXES, of_axes
from evals.recall.strangers import NUM_RENAMINGS, stranger_scores
from evals.report.measured import measured_table
from evals.scores import Score, read_scores, write_scores
from evals.subjects import SAMPLES, SCORES, arms_there, collect, sources

VERSION = "7"  # raised when the same configuration gives another measurement
SURVEYED = 50_000  # rows of the corpus that tell which words are names


def evaluate(cfg: DictConfig, report: Report | None = None) -> None:
    """Put the probes to each arm, or to `model`: `evals/<arm>/` with scores and samples.

    Then lm-eval's `eval.tasks`, if there are any: `lm_eval/<arm>/`; all scores go to `scores.json`.
    The world's probes are left out for a `model` that has tasks to do: it never saw that world. A pretrained
    teacher is also asked about strangers: scores of the control `stranger`, beside its own. An arm with a
    value is judged by it too: `judgement/<arm>/`.
    """
    if cfg.model is None:
        check_named_arms(cfg, arms_there(cfg))
    harness = None
    if cfg.eval.tasks:
        from evals.harness import Harness  # lm-eval takes seconds to import

        known = {"probes": cfg.probes.path and plain(cfg.probes), "seed": cfg.seed}
        # Refused before anything is measured.
        harness = Harness(cfg.eval.tasks, cfg.eval.tasks_path, known)

    if cfg.model is None or cfg.probes.path is not None or harness is None:
        probes = of_axes(load_probes(cfg), *AXES)
        metrics = [build(settings) for settings in cfg.metric.values()]
        renamed = cfg.model is None and is_pretrained(cfg)  # no other model is its control
        settings = {**plain(cfg.metric), **({"num_renamings": NUM_RENAMINGS} if renamed else {})}

        def measure(arm: str, source: Path, folder: Path, show: Report) -> None:
            model, tokenizer = load_arm(source)
            asked = fitting(model, tokenizer, probes)
            scores, samples = evaluate_model(arm, model, tokenizer, asked, metrics=metrics)
            if renamed and arm == "teacher":
                texts = map(joined_text, islice(PackedCorpus.of(cfg).rows(), SURVEYED))
                scores += stranger_scores(model, tokenizer, asked, texts, seed=cfg.seed)
            if cfg.model is None and arm == "teacher":
                warn_of_nothing_recalled(scores)
            lines = (json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples)
            (folder / SAMPLES).write_text("".join(lines), encoding="utf-8")
            write_scores(folder / SCORES, scores)

        _each_arm(cfg, "evals", settings, measure, report)

    if harness is not None:

        def do_tasks(arm: str, source: Path, folder: Path, show: Report) -> None:
            write_scores(folder / SCORES, harness.scores(arm, *load_arm(source)))

        _each_arm(cfg, "lm_eval", harness.identity, do_tasks, report)

    if store_path(cfg).exists() and (cfg.model is None or cfg.probes.path is not None):
        _with_store(cfg, report)

    if cfg.model is None:
        for arm in [cfg.arm] if cfg.arm is not None else sources(cfg):
            if arm == TEACHER and is_aimed_at(cfg):
                judge_teacher(cfg, JUDGED, RECORDS, report)
            elif has_value(run_folder(cfg), arm):
                judge(OmegaConf.merge(cfg, {"arm": arm}), report)  # type: ignore[arg-type]

    if cfg.arm is None and (cfg.model is not None or harness is not None):
        console.print(measured_table(read_scores(run_folder(cfg) / SCORES)))


def _with_store(cfg: DictConfig, report: Report | None) -> None:
    """Recall probes, answered with the run's store: `lookup/<arm>/`."""
    probes, path, write = load_probes(cfg), store_path(cfg), prompt_writer(cfg)
    corpus = build(cfg.corpus)
    told = corpus.documents_of_facts() if hasattr(corpus, "documents_of_facts") else None

    def measure(arm: str, source: Path, folder: Path, show: Report) -> None:
        model, tokenizer = load_arm(source)
        make = partial(make_reader, cfg, model, tokenizer, write=write)
        write_scores(folder / SCORES, look_up(arm, make, path, probes, told))

    settings = {"ask": {**plain(cfg.ask), "arms": None}, "store": hash_file(path)}
    _each_arm(cfg, "lookup", settings, measure, report, among=cfg.ask.arms)


def attack(cfg: DictConfig, report: Report | None = None) -> None:
    """Attack each arm, or `model`, in every way that is configured: `attacks/<arm>/`; then
    `scores.json`.
    """
    probes = load_probes(cfg)

    def measure(arm: str, source: Path, folder: Path, show: Report) -> None:
        scores: list[Score] = []
        asked = probes
        for name, settings in cfg.attack.items():
            model, tokenizer = load_arm(source)
            asked = fitting(model, tokenizer, asked)  # of what is left none is told again
            attacker = build(settings)
            scores += attacker(arm, model, tokenizer, asked, on_progress=_named(show, name))
        write_scores(folder / SCORES, scores)

    _each_arm(cfg, "attacks", plain(cfg.attack), measure, report)


def _each_arm(
    cfg: DictConfig,
    kind: str,
    settings: Any,
    measure: Callable[[str, Path, Path, Report], None],
    report: Report | None,
    among: Sequence[str] | None = None,
) -> None:
    """Measure the arm that `arm` names, or all that are there, or `model`; what is measured is skipped.

    `among` names the arms that it is for, if it isn't for all. `measure` gets the name, where the model
    lies, the folder to write to, and whom to tell.
    """
    there = sources(cfg)
    if cfg.arm is not None and cfg.arm not in there:
        raise UserError(f"arm={cfg.arm}: no such arm in {run_folder(cfg)}{nearest(cfg.arm, there)}")
    asked = {"probes": plain(cfg.probes), "corpus": plain(cfg.corpus), kind: settings}
    chosen = list(there) if cfg.arm is None else [cfg.arm]
    if cfg.model is None and among is not None:
        chosen = [arm for arm in chosen if arm in among]
    for arm in chosen:
        source = there[arm]
        if cfg.model is None:
            inputs = {"arm": fingerprint_of(source, f"distill arm={arm}")}
        else:
            inputs = {"model": fingerprint_model(source)}
        if cfg.probes.path is not None:
            inputs["probes"] = hash_file(Path(cfg.probes.path))
        artifact = Artifact(run_folder(cfg) / kind / arm, asked, inputs, version=VERSION)
        # Scores are cheap and only describe: those of another model or other probes make way.
        if artifact.is_done(overwrite=True):
            if cfg.arm is not None:
                tell_kept(artifact.folder, report)
            continue
        with artifact.writing() as folder, reporting(f"{kind} {arm}", report) as show:
            measure(arm, source, folder, show)
            if cfg.model is not None:
                write_json(folder / PLACE, {"place": place_of(cfg.model)})
        if cfg.arm is not None and report is None:
            console.print(f"{kind}: {arm} → {artifact.folder / SCORES}")
    if cfg.arm is None and chosen:
        write_scores(run_folder(cfg) / SCORES, collect(cfg))
        console.print(f"{kind}: {', '.join(chosen)} → {run_folder(cfg) / SCORES}")


def _named(show: Report, name: str) -> Callable[[int, int], None]:
    return lambda done, total: show(done, total, name)
