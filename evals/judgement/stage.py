"""`winnow eval` of an arm that has a value: how well it judges, what it is good for, whether it is fooled."""

from collections.abc import Sequence
from typing import Any

import torch
from omegaconf import DictConfig

from core.errors import UserError
from core.judgement.decode import Guided
from core.judgement.solutions import Writer
from core.judgement.stage import core_of, has_value, load_core, value_of
from core.runs.artifacts import (
    PARTIAL,
    Artifact,
    fingerprint_of,
    plain,
    read_json,
    run_folder,
    write_json,
)
from core.runs.console import Report
from core.runs.progress import reporting
from core.worlds.worked.families import problems
from core.worlds.worked.problem import Problem
from evals.judgement.attack import attack_records
from evals.judgement.curves import training_records
from evals.judgement.decoding import decoding_records
from evals.judgement.example import example_of
from evals.judgement.measure import value_records
from evals.judgement.watch import INSIDE, LONGER

VERSION = "6"  # raised when the same configuration gives another measurement
FOLDER, FILE = "judgement", "records.json"
JUDGEMENT = "judgement.json"  # of the run: all records
KINDS = ("training", "value", "decoding", "attack", "example")


def judge(cfg: DictConfig, report: Report | None = None) -> None:
    """Measure the value of the arm into `judgement/<arm>/records.json`; what is measured is skipped.

    Raises UserError where there is no value, or it is another core's.
    """
    name, folder, core = core_of(cfg)
    run, asked = run_folder(cfg), cfg.value.measure
    if not has_value(run, name):
        raise UserError(f"{name} has no value yet: run `winnow value arm={name}` first")
    inputs = {"core": core, "value": fingerprint_of(run / "values" / name, f"value arm={name}")}
    settings = {
        "measure": plain(asked),
        "decode": plain(guided_of(cfg)),
        "families": plain(cfg.value.families),
        "seed": cfg.seed,
    }
    artifact = Artifact(run / FOLDER / name, settings, inputs, version=VERSION)
    if artifact.is_done(overwrite=True):
        return
    model, tokenizer = load_core(folder)
    value = value_of(run, name, model, core)
    writer = Writer(model, tokenizer, most=cfg.value.max_tokens)
    common = {"arm": name, "seed": cfg.seed}
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    with artifact.writing() as place, reporting(f"judgement {name}", report) as show:
        for number, where in enumerate((INSIDE, LONGER)):
            generator = torch.Generator().manual_seed(cfg.seed * 1_000_003 + number + 7)
            show(3 * number, 7, f"value, {where}")
            found["value"] += value_records(
                writer,
                value,
                _asked(cfg, "value", asked.num_problems, where),
                where,
                num_solutions=asked.num_solutions,
                num_alternatives=asked.num_alternatives,
                num_rollouts=asked.num_rollouts,
                num_ranked=asked.num_ranked,
                generator=generator,
            )
            show(3 * number + 1, 7, f"decoding, {where}")
            found["decoding"] += decoding_records(
                writer,
                value,
                _asked(cfg, "decoding", asked.num_decoded, where),
                where,
                guided=Guided(**guided_of(cfg)),
                counts=list(asked.counts),
                generator=generator,
            )
        show(6, 7, "attack")
        attacked = _asked(cfg, "attack", asked.num_attacked, INSIDE)
        found["attack"] = attack_records(writer, value, attacked, seed=cfg.seed)
        found["example"] = example_of(writer, value, attacked, seed=cfg.seed)
        rows = {kind: [{**common, **row} for row in own] for kind, own in found.items()}
        write_json(place / FILE, rows)


def _asked(cfg: DictConfig, use: str, count: int, where: str) -> list[Problem]:
    """Problems that neither the corpus nor the value's training has."""
    families = list(cfg.value.families)
    return problems(f"{cfg.seed}/{use}", count, families, part="evaluation", longer=where == LONGER)


def guided_of(cfg: DictConfig) -> dict[str, Any]:
    """How a value leads: the options of `decode=value`, whichever way of decoding is chosen."""
    chosen = plain(cfg.decode)
    kind = chosen.pop("kind")
    return dict(chosen) if kind == "value" else plain(cfg.value.measure.guided)


def judgement_of(runs: Sequence[DictConfig]) -> dict[str, list[dict[str, Any]]]:
    """All records of these runs: of training by the arms' logs, of values by what was measured."""
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for cfg in runs:
        found["training"] += training_records(cfg)
        for path in sorted((run_folder(cfg) / FOLDER).glob(f"*/{FILE}")):
            if not path.parent.name.endswith(PARTIAL):
                for kind, rows in read_json(path).items():
                    found[kind] += rows
    return found
