"""Ways to live through days: sleep, sleep without one of its parts, and the baselines."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from omegaconf import DictConfig, OmegaConf

from core.corpus.packing import Encoder
from core.corpus.rows import Row
from core.models.loading import save_model
from core.night import dreams
from core.night.given import Given
from core.night.learning import dreaming_steps
from core.night.night import WORK, pass_night, was_begun
from core.night.settings import NightSettings
from core.night.text import Part, mixed
from core.runs.artifacts import plain
from core.runs.console import Report
from core.training.loop import train

SLEEPS: Mapping[str, dict[str, Any]] = {
    "sleep": {},
    "without_reflection": {"reflection": {"variants": 0}},
    "without_dreams": {"dreams": {"share": 0.0}},
    "without_test": {"test": False},
}
DIRECT = "direct"  # trained on ten times as many items: the yardstick
BASELINES = ("finetune", "replay", "replace", DIRECT)


@dataclass(frozen=True)
class Met:
    """What a baseline may read: the day, and what a method of its kind would have beside it."""

    given: Given
    replayed: Sequence[Row]  # the corpus, for `replay`
    items: Sequence[Row]  # many items of the new skill, for `direct`


def settings_of(cfg: DictConfig, life: str) -> NightSettings:
    """The settings of the night, with what this life leaves out."""
    changed = OmegaConf.merge(cfg, {"night": SLEEPS.get(life, {})})
    return NightSettings.of(changed)  # type: ignore[arg-type]


def live_night(life: str, met: Met, folder: Path, report: Report) -> dict[str, Any]:
    """One night of a life, into `folder`; its record, with the processor's `seconds`.

    None of a night that was interrupted: nothing tells what the processor had done before.
    """
    began, is_whole = time.process_time(), not was_begun(folder)
    if life in SLEEPS:
        record = pass_night(met.given, folder, report)
    else:
        _train(met, _parts(life, met), folder, report)
        record = {"steps": num_steps_of(met), "stored": []}
    seconds = round(time.process_time() - began, 2) if is_whole else None
    return {**record, "seconds": seconds}


def _parts(life: str, met: Met) -> list[Part]:
    """What a baseline reads, by the text alone."""
    given, share = met.given, float(met.given.settings.dreams.share)
    if life == DIRECT:
        return [Part(met.items, 0, 1.0, 1.0)]
    if life == "replay":
        return [Part(given.rows, 0, 1.0, 1 - share), Part(met.replayed, 0, 1.0, share)]
    if life == "replace":
        lines = dreams.write_lines(given.core(), given.tokenizer, given.settings.dreams, given.seed)
        rows = dreams.recombined(lines, None, 0.0, Random(given.seed))
        return [Part(given.rows, 0, 1.0, 1 - share), Part(rows, 0, 1.0, share)]
    return [Part(given.rows, 0, 1.0, 1.0)]


def num_steps_of(met: Met) -> int:
    """As many as a night has at most; without a day as many as one without a day has."""
    has_day = bool(met.given.rows)
    return int(met.given.settings.train.num_steps) if has_day else dreaming_steps(met.given)


def _train(met: Met, parts: list[Part], folder: Path, report: Report) -> None:
    """Train the core of the evening on them."""
    given, settings = met.given, met.given.settings.train
    steps = num_steps_of(met)
    model = given.core()
    if any(part.rows for part in parts):
        text = mixed(
            parts,
            Encoder(given.tokenizer),
            num_sequences=steps * settings.batch_size,
            length=given.length,
            rng=Random(f"{given.seed}/text"),
        )
        work = folder / WORK
        work.mkdir(exist_ok=True)
        model = train(
            model,
            text.sequences,
            work,
            OmegaConf.create({**plain(settings), "num_steps": steps}),
            seed=given.seed,
            report=report,
            precision=given.precision,
        )
        shutil.rmtree(work)
    save_model(folder, model.eval(), given.tokenizer)
