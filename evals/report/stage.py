"""`winnow report`: the tables, the pictures, the verdicts and the page, from the scores that are there."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from core.cli.run import by_style, runs_of
from core.corpus.stage import WRITTEN
from core.errors import UserError
from core.runs.artifacts import read_json, run_folder, write_json
from core.runs.console import console
from core.writing.written import DIVERSITY
from evals.judgement.stage import JUDGEMENT, judgement_of
from evals.lookup import LOOKUP
from evals.night.records import records_of
from evals.recall.map_quality import map_examples
from evals.report.ablation import ablation_table, draw_ablation
from evals.report.console import markdown_table, result_tables
from evals.report.frontier import draw_frontier
from evals.report.html import write_report
from evals.report.lookup import lookup_table
from evals.report.missed import missed_table
from evals.report.misses import CORE, find_missed
from evals.report.night_curves import draw_nights
from evals.report.nights import TABLE as NIGHTS_TABLE
from evals.report.nights import write_nights
from evals.report.scorers import scorer_table
from evals.report.styles import styles_markdown, styles_tables
from evals.report.times import stage_times
from evals.scores import (
    MAP,
    Score,
    lacking,
    methods_of,
    over_seeds,
    write_atomically,
    write_scores,
)
from evals.subjects import PICTURE, SAMPLES, SCORES, VERDICT, collect, measurements
from evals.verdict import verdict_lines, verdicts

STYLES = "styles.md"
MAP_SAID = {
    "recall": "recall {:.3f}",
    "precision": "precision {:.3f}",
    "skill_flagged": "{:.2%} of skill answers flagged",
}


def report(cfg: DictConfig) -> None:
    """Write `scores.json`, the tables, the pictures, the verdicts and `report.html`, and print most of it.

    Of a run over several `seeds`, the scores are means over them; answers and texts are the first's. Of a
    run over several `styles`, each has a report in its own folder, and `styles.md` compares them.
    Where the core kept memories, the last table says which, and why they weren't stripped.
    Raises UserError when nothing has been measured yet.
    """
    if not cfg.styles:
        _report(cfg)
        return
    scores = {}
    for style, one in zip(cfg.styles, by_style(cfg), strict=True):
        console.print(f"\n{style}", style="bold")
        scores[style] = _report(one)
    _write(run_folder(cfg) / STYLES, styles_markdown(scores))
    for table in styles_tables(scores):
        console.print(table)
    console.print(f"styles: {run_folder(cfg) / STYLES}")


def _report(cfg: DictConfig) -> list[Score]:
    """The report of one style; its scores."""
    runs, folder = runs_of(cfg), run_folder(cfg)
    first = runs[0]
    by_seed = [collect(one) for one in runs]
    scores = over_seeds(by_seed)
    samples = _samples(first)
    nights = records_of(runs)
    missed = find_missed(run_folder(first), scores, samples.get(CORE, []))
    write_scores(folder / SCORES, scores)
    draw_frontier(scores, folder / PICTURE)
    judgement = judgement_of(runs)
    write_report(
        folder / "report.html",
        scores=scores,
        samples_by_arm=samples,
        manifest=_manifest(cfg, first),
        map_examples=map_examples(run_folder(first)),
        missed=missed,
        times=stage_times([run_folder(one) for one in runs]),
        nights=nights,
        judgement=judgement,
    )
    if any(judgement.values()):
        write_json(folder / JUDGEMENT, judgement)
    _write(folder / "table.md", markdown_table(scores))
    for table in result_tables(scores):
        console.print(table)
    _further_tables(scores, folder)
    if nights:
        draw_nights(nights, folder / "nights.png")
        console.print(f"\n{write_nights(folder, nights)}nights: {folder / NIGHTS_TABLE}")
    _verdicts(scores, folder)
    for name in cfg.arms:
        if name not in samples:
            console.print(f"{name}: missing, not trained or not evaluated", style="yellow")
    for name, count in lacking(by_seed).items():
        console.print(f"{name}: {count} scores left out, not every seed has them", style="yellow")
    console.print(f"results: {folder / 'report.html'} · {folder / PICTURE} · {folder / SCORES}")
    if missed:
        console.print(missed_table(missed))
    return scores


def _samples(cfg: DictConfig) -> dict[str, list[dict[str, Any]]]:
    """What each arm answered; raises UserError when no arm has."""
    samples = {}
    for arm, kind, folder in measurements(cfg):
        path = folder / SAMPLES
        if kind == "evals" and path.exists():
            with path.open(encoding="utf-8") as lines:  # a text may hold other line separators
                samples[arm] = [json.loads(line) for line in lines]
    if not samples:
        raise UserError(f"{run_folder(cfg)} has no scores yet: run `winnow eval` first")
    return samples


def _further_tables(scores: Sequence[Score], folder: Path) -> None:
    """What only some runs have: methods at several strengths, a store, scorers side by side."""
    if methods_of(scores):
        _write(folder / "ablation.md", ablation_table(scores))
        draw_ablation(scores, folder / "ablation.png")
        console.print(f"ablation: {folder / 'ablation.md'} · {folder / 'ablation.png'}")
    if any(score.axis == LOOKUP for score in scores):
        _write(folder / "lookup.md", table := lookup_table(scores))
        console.print(f"\n{table}lookup: {folder / 'lookup.md'}")
    own = [score for score in scores if score.axis == MAP]
    if {score.arm for score in own} > {"memory_map"}:
        _write(folder / "scorers.md", table := scorer_table(own))
        console.print(f"\n{table}scorers: {folder / 'scorers.md'}")


def _verdicts(scores: Sequence[Score], folder: Path) -> None:
    """Write and print the verdict on each arm, from the scores alone; then the quality of the memory map."""
    found = verdicts(scores)
    _write(folder / VERDICT, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    for line in verdict_lines(found):
        console.print(line)
    own = {s.metric: s.value for s in scores if s.axis == MAP and s.arm == "memory_map"}
    told = [said.format(own[metric]) for metric, said in MAP_SAID.items() if metric in own]
    if told:
        console.print(f"memory map against the corpus's truth: {', '.join(told)}")


def _write(path: Path, text: str) -> None:
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def _written(run: Path) -> dict[str, Any]:
    """How varied a corpus is that the teacher wrote."""
    path = run / WRITTEN / DIVERSITY
    return {"corpus written by the teacher": read_json(path)} if path.exists() else {}


def _manifest(whole: DictConfig, cfg: DictConfig) -> dict[str, Any]:
    """What it takes to make these results again."""
    run = run_folder(cfg)
    marks = sorted(run.glob("*/artifact.json")) + sorted(run.glob("arms/*/artifact.json"))
    return {
        "command": f"winnow run run={whole.run} seed={whole.seed} (configuration below)",
        "seeds": list(whole.seeds) or [whole.seed],
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": {
            name: version(name) for name in ("winnow-lm", "torch", "transformers", "datasets")
        },
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        **_written(run),
        "fingerprints": {
            str(mark.parent.relative_to(run)): read_json(mark)["fingerprint"] for mark in marks
        },
        "configuration": OmegaConf.to_yaml(cfg, resolve=True),
    }
