"""`winnow nights`: live through the days of the corpus in one way, and measure each morning."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from omegaconf import DictConfig

from core.corpus.packing import Encoder
from core.corpus.rows import Row
from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.night import dreams
from core.night.day import MetDay, days_of, unlabelled
from core.night.night import RECORD
from core.night.nights import Nights
from core.night.settings import LIVES as WAYS
from core.night.settings import check_life
from core.night.stage import given_of, keep_stored
from core.runs.artifacts import Artifact, read_json, run_folder, write_json
from core.runs.awake import FIRST
from core.runs.console import Report, console
from core.runs.progress import reporting
from core.store.ask import make_reader, prompt_writer
from core.store.write import FILE
from core.worlds.days import MORE, NUM_ITEMS, Day
from evals.evaluate import load_arm
from evals.night.lives import DIRECT, Met, live_night, settings_of
from evals.night.measures import Morning, measured, relearned, written
from evals.probes.load import load_probes
from evals.probes.probe import Probe, of_axes

VERSION = "5"  # raised when the same configuration gives another life
LIVES, MEASURES, EVENING = "lives", "measures.json", "evening.json"
REPLAYED = 20_000  # rows of the corpus, from its beginning, for the baseline that has it
DREAMING = ("sleep", "replace")  # lives that go on into nights without a day
ABILITIES = ("reasoning", "arithmetic", "language", "open_book")
FRESH = "fresh"  # the open-book probes about nobody that is known


def live(cfg: DictConfig, report: Report | None = None) -> None:
    """Live through all days: `lives/<arm>/<night>/` with the core of each morning and what it can do.

    `night.dream_nights` more without a day follow for the lives that write. Raises UserError for a way of
    living that there isn't, and for a corpus without days.
    """
    if cfg.arm is None:
        raise UserError(f"winnow nights lives in one way: add arm=WAY, of {', '.join(WAYS)}")
    life = str(cfg.arm)
    check_life(life)
    days = days_of(cfg)
    if not days:
        raise UserError("this corpus brings no days to live through: add corpus.num_days=5")
    run = run_folder(cfg)
    nights = Nights(run / LIVES / life, run / "arms" / "core")
    count = len(days) + (int(cfg.night.dream_nights) if life in DREAMING else 0)
    with reporting(f"night {life}", report) as show:
        for number in range(1, count + 1):
            _live_one(cfg, life, nights, days, number, partial(_named, show, number, count))
    console.print(f"{life}: {count} nights → {nights.folder}")


def _named(show: Report, number: int, count: int, done: int, total: int, note: str) -> None:
    show(number - 1, count, f"night {number} · {note} {done}/{total}")


def _live_one(
    cfg: DictConfig,
    life: str,
    nights: Nights,
    days: Sequence[Day],
    number: int,
    show: Report,
) -> None:
    """One night of a life, if it isn't there yet."""
    before = FIRST if life == DIRECT else number - 1
    settings = settings_of(cfg, life)
    rows = [unlabelled(row) for row in days[number - 1].rows()] if number <= len(days) else []
    day = MetDay(f"day {number}", rows)
    inputs = {"core": nights.fingerprint(before), "day": day.fingerprint}
    own = {"life": life, "night": settings.identity(), "seed": cfg.seed}
    artifact = Artifact(nights.folder / str(number), own, inputs, version=VERSION)
    if artifact.is_done(cfg.overwrite):
        return
    given = given_of(cfg, nights, before, day, settings, lambda line: None)
    with artifact.writing() as folder:
        met = Met(given, _replayed(cfg, life), _items(life, days, number))
        record = {**live_night(life, met, folder, show), "before": before}
        record["tokens_of_day"] = _tokens(given, rows)
        write_json(folder / RECORD, record)
        if number == 1 or life == DIRECT:
            (nights.folder / FILE).unlink(missing_ok=True)
        keep_stored(nights.folder, record, number)
        model, tokenizer = load_arm(folder)
        lived = days[:number] if life != DIRECT else days[number - 1 : number]
        asked = load_probes(cfg)
        known = of_axes(asked, "recall")
        morning = Morning(model, tokenizer, lived, _skills(asked), known, partial(_reader, cfg))
        store = nights.folder / FILE
        found = measured(morning, store if store.exists() else None)
        found["written"], found["lines"] = _written(cfg, nights, morning)
        if number == len(days) and life != DIRECT:
            found["relearned"] = relearned(morning)
        write_json(folder / MEASURES, found)


def _replayed(cfg: DictConfig, life: str) -> list[Row]:
    if life != "replay":
        return []
    return list(islice(PackedCorpus.of(cfg).rows(), REPLAYED))


def _items(life: str, days: Sequence[Day], number: int) -> list[Row]:
    if life != DIRECT:
        return []
    by_family = days[number - 1].items("labelled", MORE * NUM_ITEMS)
    return [
        {"id": f"item-{family}-{n}", "prompt": item.prompt, "completion": item.completion}
        for family, items in by_family.items()
        for n, item in enumerate(items)
    ]


def _skills(probes: Sequence[Probe]) -> list[Probe]:
    """What it could do before the first night; of reading what is about nobody that is known, if any is."""
    found = of_axes(probes, *ABILITIES)
    fresh = {FRESH} & {probe.family for probe in found}
    return [
        probe for probe in found if probe.axis != "open_book" or not fresh or probe.family in fresh
    ]


def _reader(cfg: DictConfig, model: Any, tokenizer: Any, store: Any) -> Any:
    return make_reader(cfg, model, tokenizer, store, prompt_writer(cfg))


def _tokens(given: Any, rows: Sequence[Row]) -> int:
    return sum(len(row.ids) for row in Encoder(given.tokenizer).encode(rows))


def _written(
    cfg: DictConfig, nights: Nights, morning: Morning
) -> tuple[dict[str, float], list[str]]:
    """How varied it writes, over the kinds of line of the evening and those of the days."""
    kinds = _evening(cfg, nights, morning)["kinds"]
    items = (item for day in morning.days for own in day.items("kinds", 1).values() for item in own)
    new = {item.prompt.partition(" ")[0] for item in items}
    measured_now, lines = written(morning, [*kinds, *sorted(new)], cfg.night.dreams, cfg.seed + 1)
    return measured_now, lines[:20]


def _evening(cfg: DictConfig, nights: Nights, morning: Morning) -> dict[str, Any]:
    """Of the core before the first night: the kinds of line that it writes, and what it can do."""
    path, core = nights.folder.parent / EVENING, nights.fingerprint(FIRST)
    if not path.exists() or read_json(path)["core"] != core:
        model, tokenizer = load_arm(nights.first)
        evening = replace(morning, model=model, tokenizer=tokenizer)
        _, lines = written(evening, [], cfg.night.dreams, cfg.seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        can = evening.accuracy(morning.skills)
        kinds = sorted(dreams.by_kind(lines))
        write_json(path, {"core": core, "kinds": kinds, "earlier_skills": can})
    return dict(read_json(path))
