"""`winnow sleep` and `winnow wake`: a night over a day, and the way back to any."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from transformers import PreTrainedModel

from core.errors import UserError
from core.models.loading import load_config, load_model, load_tokenizer
from core.night.day import MetDay, check_vocabulary, day_of
from core.night.morning import show_morning, write_page
from core.night.night import RECORD, Given, pass_night
from core.night.nights import Nights
from core.night.settings import NightSettings
from core.runs.artifacts import Artifact, read_json, run_folder, write_json
from core.runs.awake import FIRST
from core.runs.console import Report, console
from core.runs.progress import reporting
from core.store.nights import documents_of
from core.store.write import FILE, add_to_store

VERSION = "4"  # raised when the same configuration gives another night


def sleep(cfg: DictConfig, report: Report | None = None) -> None:
    """Sleep over a day: `nights/<number>/` with the core of the morning, what it dreamt and its report.

    What generalizes is learned, what is memory goes to the run's store. It begins from the core that is
    awake; a night over the same day from the same core is there already, and isn't passed again.
    Raises UserError for a day that no night can be passed over.
    """
    nights, settings = Nights.of(cfg), NightSettings.of(cfg)
    _keep_all(cfg, nights)
    number = max(nights.numbers, default=FIRST) + 1
    day = day_of(cfg, number)
    number = _there(nights, day) or number
    before = nights.before(number) if number in nights.numbers else nights.awake
    artifact = night_of(nights, number, before, day, settings, seed=int(cfg.seed))
    if artifact.is_done(cfg.overwrite):
        console.print(f"there already → {artifact.folder}")
    else:
        given = given_of(cfg, nights, before, day, settings, console.print)
        live_through(artifact, given, before, report)
        _keep_all(cfg, nights)
    nights.wake(number)
    show_morning(read_json(artifact.folder / RECORD), number)
    console.print(f"night {number} → {artifact.folder}")


def _there(nights: Nights, day: MetDay) -> int | None:
    """The night over this very day that is awake, or that began from the one that is."""
    for number in reversed(nights.numbers):
        same = nights.made_from(number).get("day") == day.fingerprint
        if same and nights.awake in (number, nights.before(number)):
            return number
    return None


def _keep_all(cfg: DictConfig, nights: Nights) -> None:
    """Put the documents of every night that is over into the store; each is put there once."""
    for number in nights.numbers:
        if not nights.is_stored(number):
            keep_stored(run_folder(cfg), read_json(nights.model(number) / RECORD), number)
            nights.mark_stored(number)


def night_of(
    nights: Nights, number: int, before: int, day: MetDay, settings: NightSettings, *, seed: int
) -> Artifact:
    """The artifact of a night."""
    inputs = {"core": nights.fingerprint(before), "day": day.fingerprint}
    own = {"night": settings.identity(), "seed": seed}
    return Artifact(nights.folder / str(number), own, inputs, version=VERSION)


def given_of(
    cfg: DictConfig,
    nights: Nights,
    before: int,
    day: MetDay,
    settings: NightSettings,
    say: Callable[[str], None],
) -> Given:
    """What a night starts from. Raises UserError for a day in another vocabulary."""
    folder = nights.model(before)
    tokenizer = load_tokenizer(folder)
    if day.rows:
        check_vocabulary(day, tokenizer)
    length, context = int(cfg.packing.sequence_length), _context(folder)
    if length > context:
        raise UserError(f"packing.sequence_length={length} and the core reads {context}: lower it")
    return Given(
        partial(_core, folder),
        tokenizer,  # type: ignore[arg-type]
        day.rows,
        nights.earlier(before),
        nights.documents(before),
        settings,
        length,
        int(cfg.seed) * 1000 + len(nights.chain(before)) + 1,
        str(cfg.training.precision),
        say,
    )


def _core(folder: Path) -> PreTrainedModel:
    return load_model(folder).eval().to("cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[arg-type]


def _context(folder: Path) -> int:
    config = load_config(folder)
    return int(getattr(config.get_text_config(), "max_position_embeddings", None) or 1 << 30)


def live_through(
    artifact: Artifact, given: Given, before: int, report: Report | None
) -> dict[str, Any]:
    """Pass the night into its artifact; its record."""
    with artifact.writing() as folder, reporting("night", report) as show:
        record = pass_night(given, folder, show)
        record["before"] = before
        write_json(folder / RECORD, record)
        write_page(folder, record, artifact.folder.name)
    return record


def keep_stored(folder: Path, record: dict[str, Any], number: int) -> None:
    """Add a night's documents to the store in a folder."""
    documents = documents_of(record, number)
    if not documents:
        return
    for id_, own in add_to_store(folder / FILE, documents).items():
        console.print(f"the store has another text with the id {id_}: this one's is {own}")


def wake(cfg: DictConfig) -> None:
    """Use the core of another night from now on: `winnow wake NIGHT`; 0 is the core before the first."""
    if len(cfg.words) != 1 or not str(cfg.words[0]).isdecimal():
        raise UserError("winnow wake takes the number of a night; 0 is the core before the first")
    nights, number = Nights.of(cfg), int(cfg.words[0])
    if number in nights.numbers:
        nights.fingerprint(number)  # refuses one that is damaged
    nights.wake(number)
    console.print(f"awake: night {number} → {nights.model(number)}")
