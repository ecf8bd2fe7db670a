"""The core's own learning at night: what it reads, and who teaches it."""

import math
from collections.abc import Sequence
from pathlib import Path
from random import Random

from omegaconf import OmegaConf
from transformers import PreTrainedModel

from core.corpus.packing import Encoder
from core.corpus.rows import Row
from core.corpus.symbols import Symbols
from core.models.loading import load_model, save_model
from core.models.precision import multiplying
from core.models.taught import projection_of
from core.night import dreams, reflection
from core.night.given import Given, Sorted
from core.night.teachers import TEXT, ContextTeacher, TaughtBy
from core.night.text import SHEETS, BySequence, Part, mixed, on_sheets
from core.runs.artifacts import plain
from core.runs.console import Report
from core.signal.live import LiveTeacher
from core.signal.signal import Teacher
from core.training.lesson import Lesson
from core.training.loop import train

BEFORE = 0  # the number of the teacher of dreams: the core of the evening
SHARE_OF_STRANGERS = 0.1  # of what is read of the day, in documents whose facts are stored
LINES_OF_A_KIND = 600  # of dreams, before one comes again where there are as many
SHARE_OF_ITSELF = 0.3  # of it, the rows as they were met; the rest are reflections


def learn(
    given: Given,
    done: Sorted,
    reflected: dict[int, list[Row]],
    written: list[str],
    symbols: Symbols,
    work: Path,
    report: Report,
) -> PreTrainedModel:
    """Train the core on the night's text.

    With `on_policy` that has two halves: in the second it is taught on answers of its own.
    """
    rng = Random(f"{given.seed}/text")
    model, before = given.core(), given.core()
    teachers: list[Teacher] = [LiveTeacher(before)]
    parts = _day_parts(given, done, reflected, teachers, before, rng)
    parts += _dream_parts(given, written, symbols, rng)
    parts = [part for part in parts if part.rows and part.share > 0]
    steps, own = (num_steps(given, done) if parts else 0), float(given.settings.on_policy)
    if not steps:
        return model
    if not own:
        return _train(given, model, parts, teachers, steps, work / "learning", report)
    half = work / "half"
    if (half / "config.json").exists():
        model = load_model(half)
    else:
        model = _train(given, model, parts, teachers, steps // 2, work / "learning", report)
        part = work / "half.part"
        save_model(part, model, given.tokenizer)
        part.replace(half)
    parts = [one for part in parts for one in _answered(given, model, part, own)]
    return _train(given, model, parts, teachers, steps - steps // 2, work / "answering", report)


def _answered(given: Given, model: PreTrainedModel, part: Part, share: float) -> list[Part]:
    """A part with a share of it in the core's own answers, taught by the teacher alone."""
    tasks = [row for row in part.rows if "prompt" in row]
    if part.teacher in (BEFORE, TEXT) or not tasks:
        return [part]
    with multiplying(model.device, given.precision):
        said = reflection.readings(model, given.tokenizer, tasks)
    own = [{**row, "completion": text} for row, text in zip(tasks, said, strict=True) if text]
    rest = Part(part.rows, part.teacher, part.label_weight, part.share * (1 - share))
    return [rest, Part(own, part.teacher, 0.0, part.share * share)]


def _train(
    given: Given,
    model: PreTrainedModel,
    parts: list[Part],
    teachers: list[Teacher],
    steps: int,
    folder: Path,
    report: Report,
) -> PreTrainedModel:
    settings = given.settings
    text = mixed(
        parts,
        Encoder(given.tokenizer),
        num_sequences=steps * settings.train.batch_size,
        length=given.length,
        rng=Random(f"{given.seed}/{folder.name}"),
    )
    vocab_size = len(projection_of(model).weight)  # type: ignore[arg-type]
    lesson = Lesson(
        TaughtBy(teachers, text.teacher_S, vocab_size),
        regularizers=[BySequence(text)],
        label_weight=settings.label_weight,
    )
    folder.mkdir(exist_ok=True)
    return train(
        model,
        text.sequences,
        folder,
        OmegaConf.create({**plain(settings.train), "num_steps": steps}),
        seed=given.seed,
        report=lambda at, total, note: report(at, total, f"{folder.name} · {note}"),
        lesson=lesson,
        precision=given.precision,
    ).eval()


def num_steps(given: Given, done: Sorted) -> int:
    """For how long the night goes on; at most `train.num_steps`.

    The day's part is as long, for all rows, as what generalizes gained in copies that read half of them.
    """
    most, share = int(given.settings.train.num_steps), float(given.settings.dreams.share)
    if not done.judged.learned:
        return dreaming_steps(given)
    if done.copies is None or share == 1:
        return most
    varied = 2 if given.settings.reflection.variants else 1
    return min(most, math.ceil(2 * varied * done.copies.steps / (1 - share)))


def dreaming_steps(given: Given) -> int:
    """The steps of a night without anything of a day: as many as dreams have of another."""
    return math.ceil(int(given.settings.train.num_steps) * float(given.settings.dreams.share))


def _day_parts(
    given: Given,
    done: Sorted,
    reflected: dict[int, list[Row]],
    teachers: list[Teacher],
    before: PreTrainedModel,
    rng: Random,
) -> list[Part]:
    """What is read of the day: rows that generalize as they are, and their variants; of those with facts only
    strangers.
    """
    settings, stored = given.settings, set(done.judged.stored)
    by_context = settings.teacher == "context" or (
        settings.teacher == "auto" and done.context_gain > done.judged.gain
    )
    share = 1 - float(settings.dreams.share)
    parts = []
    for fold in sorted(set(done.folds)):
        rows = [given.rows[n] for n in done.judged.learned if done.folds[n] == fold]
        itself = [
            given.rows[n] for n in done.judged.learned if done.folds[n] == fold and n not in stored
        ]
        variants = reflected.get(fold, [])
        if not rows:
            continue
        if by_context:
            teachers.append(context_teacher(given, before, rows))
        elif done.copies is not None:
            teachers.append(LiveTeacher(done.copies.teacher(fold, varied=done.stands_renaming)))
        number = len(teachers) - 1
        weight = settings.label_weight if number else 1.0
        tasks = [row for row in variants if "prompt" in row]
        strangers = [row for row in variants if "text" in row]
        own = share / len(set(done.folds))
        for some, part, label in (
            (itself, SHARE_OF_ITSELF, 1.0),
            (tasks, 1 - SHARE_OF_ITSELF - SHARE_OF_STRANGERS, weight),
            (strangers, SHARE_OF_STRANGERS, weight),
        ):
            rest, sheets = on_sheets(some, rng)
            # Of what a line begins with only the text tells: no teacher has learned to write it.
            parts.append(Part(sheets, TEXT, 1.0, own * part * SHEETS))
            who = TEXT if label == 1 else number
            parts.append(Part(rest, who, label, own * part * (1 - SHEETS)))
    return parts


def _dream_parts(given: Given, written: list[str], symbols: Symbols, rng: Random) -> list[Part]:
    """Lines dreamt this night and in those before, evenly by kind, taught by the evening's core alone."""
    settings = given.settings
    share = float(settings.dreams.share)
    kinds = dreams.by_kind(written)
    for kind, lines in dreams.by_kind(given.earlier).items():
        kinds.setdefault(kind, [])
        kinds[kind] = [*kinds[kind], *lines]
    lines = dreams.evenly(kinds, LINES_OF_A_KIND * len(kinds), rng)
    rows = dreams.recombined(lines, symbols, settings.dreams.renamed, rng)
    return [Part(rows, BEFORE, 0.0, share, float(settings.dreams.weight))]


def context_teacher(given: Given, core: PreTrainedModel, rows: Sequence[Row]) -> ContextTeacher:
    """The core with items of the day before each row, never the row itself."""
    encoded = [row.ids.tolist() for row in Encoder(given.tokenizer).encode(rows)]
    rng = Random(f"{given.seed}/context")

    def context(ids: Sequence[int]) -> list[int]:
        shown: list[int] = []
        for number in rng.sample(range(len(encoded)), len(encoded)):
            one = encoded[number]
            if len(shown) + len(one) > given.settings.context_tokens:
                break
            if one != list(ids):
                shown += one
        return shown

    return ContextTeacher(core, context)
