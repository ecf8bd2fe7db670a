"""One night: from a core and a day to the core of the morning.

It is passed part by part, and each is kept as soon as it is done.
"""

import json
import shutil
import time
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from core.corpus.rows import Row, joined_text, write_rows
from core.corpus.symbols import Symbols
from core.models.loading import save_model
from core.models.precision import multiplying
from core.night import dreams, reflection
from core.night.audit import audit
from core.night.copies import Learning, judged_by, learn_copies
from core.night.forms import Forms
from core.night.generalizes import DayTokens, Judged, folds_of
from core.night.given import Given, Sorted
from core.night.learning import context_teacher, learn, num_steps
from core.night.likelihood import logprobs, taught_logprobs
from core.night.own_words import in_own_words
from core.night.variety import variety
from core.runs.artifacts import read_json, write_json
from core.runs.console import Report

DREAMS, LEARNED, RECORD, WORK = "dreams.jsonl", "learned.jsonl", "night.json", "work"


def pass_night(given: Given, folder: Path, report: Report) -> dict[str, Any]:
    """Write the core of the morning into `folder`, with its dreams and what it learned; its record.

    A night that is interrupted goes on, in the same folder, behind the last part that was done. Where the
    core's writing has narrowed beyond the bound, the core of the evening is written in its stead.
    """
    began, work = time.monotonic(), folder / WORK
    is_whole = not was_begun(folder)
    work.mkdir(exist_ok=True)
    written = _dream(given, folder, report)
    symbols = Symbols([*map(joined_text, given.rows), *written, *given.earlier])
    forms = Forms(given.rows, symbols)
    done = _sort(given, forms, work, report)
    judged = done.judged
    given.say(
        f"sorted: {len(judged.learned):,} rows to be learned, {len(judged.stored):,} to the store, "
        f"{len(judged.dropped):,} dropped"
    )
    reflected = _reflect(given, done, forms, folder, report)
    model = learn(given, done, reflected, written, symbols, work, report)
    record = _morning(given, done, reflected, written, model, folder, report)
    shutil.rmtree(work)
    # Of a night that was interrupted these would be those of its end alone.
    record["seconds"] = round(time.monotonic() - began, 1) if is_whole else None
    record["sorting_seconds"] = round(done.seconds, 1) if is_whole else None
    write_json(folder / RECORD, record)
    return record


def was_begun(folder: Path) -> bool:
    """Whether a night that was interrupted left something in its folder to go on from."""
    return (folder / WORK).exists() or (folder / DREAMS).exists()


def _dream(given: Given, folder: Path, report: Report) -> list[str]:
    """The lines that the core of the evening writes."""
    path, own = folder / DREAMS, given.settings.dreams
    if not path.exists():
        report(0, 1, "dreams")
        model = given.core()
        lines = _write(given, model, seed=given.seed)
        part = path.with_suffix(".part")
        write_rows(part, [{"text": line} for line in lines])
        part.replace(path)
    lines = [str(row["text"]) for row in map(json.loads, path.open(encoding="utf-8"))]
    kinds = dreams.by_kind(lines)
    given.say(
        f"dreamt: lines {len(lines):,}, kinds of line {len(kinds)}; {own.share:.0%} of the night"
    )
    return lines


def _write(given: Given, model: PreTrainedModel, seed: int) -> list[str]:
    with multiplying(model.device, given.precision):
        return dreams.write_lines(model, given.tokenizer, given.settings.dreams, seed)


def _sort(given: Given, forms: Forms, work: Path, report: Report) -> Sorted:
    """Find out what of the day generalizes."""
    began, rows, settings = time.monotonic(), given.rows, given.settings
    everything = list(range(len(rows)))
    documents = [n for n in everything if "text" in rows[n]]
    folds = folds_of(rows, given.seed) if rows else None
    if not settings.test:
        judged = Judged(everything, [], [])
        return Sorted(judged, [0] * len(rows), None, True, 0.0, 0.0)
    if folds is None:
        tasks = [n for n in everything if n not in documents]
        if rows:
            given.say("nothing of the day can be out of fold: its documents go to the store")
        return Sorted(Judged([], documents, tasks), [0] * len(rows), None, False, 0.0, 0.0)
    tokens = DayTokens(rows, given.tokenizer, given.length)
    core = given.core()
    with multiplying(core.device, given.precision):
        before_ST = logprobs(core, tokens.sequences)
    learning = Learning(
        given.core,
        given.tokenizer,
        settings.copies,
        given.length,
        given.seed,
        given.precision,
        lambda done, total, note: report(done, total, f"copies · {note}"),
    )
    variants = settings.reflection.variants
    copies = learn_copies(learning, tokens, before_ST, folds, forms, work, num_variants=variants)
    with multiplying(core.device, given.precision):
        judged, stands = judged_by(copies, tokens, before_ST, folds, forms)
    gain = 0.0
    if settings.teacher != "copies" and judged.learned:
        context = context_teacher(given, core, [rows[n] for n in judged.learned])
        with multiplying(core.device, given.precision):
            context_ST = taught_logprobs(context, tokens.sequences, core.device)
        gain = tokens.mean(context_ST - before_ST, judged.learned)
    return Sorted(judged, folds, copies, stands, gain, time.monotonic() - began)


def _reflect(
    given: Given, done: Sorted, forms: Forms, folder: Path, report: Report
) -> dict[int, list[Row]]:
    """The variants that were kept, by fold; of documents with facts their strangers."""
    path, count = folder / LEARNED, int(given.settings.reflection.variants)
    learned, found = done.judged.learned, dict[int, list[Row]]()
    if not path.exists():
        report(0, 1, "reflection")
        dropped = 0
        for fold in (0, 1):
            rows = [given.rows[n] for n in learned if done.folds[n] == fold]
            pairs = reflection.variants_of(rows, forms, count, f"{given.seed}/reflection/{fold}")
            found[fold], lost = _checked(given, done, pairs)
            dropped += lost
        found[0] += _own_words(given, done, forms)
        part = path.with_suffix(".part")
        write_json(part, {"kept": found, "dropped": dropped})
        part.replace(path)
    told = read_json(path)
    given.say(
        f"reflected: {sum(map(len, told['kept'].values())):,} variants kept, {told['dropped']:,} dropped"
        + ("; the rule doesn't stand other symbols" * (bool(learned) and not done.stands_renaming))
    )
    return {int(fold): rows for fold, rows in told["kept"].items()}


def _checked(given: Given, done: Sorted, pairs: list[tuple[Row, Row]]) -> tuple[list[Row], int]:
    if done.copies is None or not pairs:
        return [variant for _, variant in pairs], 0
    readers = done.copies.readers(varied=done.stands_renaming)
    with multiplying(readers[0].device, given.precision):
        stands = [done.stands_renaming] * len(pairs)
        kept = reflection.reflect(pairs, stands, readers, given.tokenizer)
    return kept.rows, kept.num_dropped


def _own_words(given: Given, done: Sorted, forms: Forms) -> list[Row]:
    """Tasks like those that generalize, begun by the copy that learned to write them."""
    if done.copies is None or done.copies.varied is None:
        return []
    with multiplying(done.copies.varied.device, given.precision):
        return in_own_words(
            done.copies.varied,
            done.copies.readers(varied=done.stands_renaming),
            given.tokenizer,
            [given.rows[n] for n in done.judged.learned],
            forms,
            count=int(given.settings.reflection.own_words),
            num_tokens=int(given.settings.dreams.num_tokens),
            seed=given.seed,
        )


def _morning(
    given: Given,
    done: Sorted,
    reflected: dict[int, list[Row]],
    written: list[str],
    model: PreTrainedModel,
    folder: Path,
    report: Report,
) -> dict[str, Any]:
    """Compare the morning's core with the evening's, keep the one or the other, and tell."""
    report(0, 1, "dreams of the morning")
    kinds = {*dreams.by_kind(written), *dreams.by_kind(given.earlier)}
    now, core = _write(given, model, seed=given.seed + 1), given.core()
    evening, morning = variety(written, kinds), variety(now, kinds)
    bound = float(given.settings.bound)
    kept = not written or morning["diversity"] >= bound * evening["diversity"]
    why = "" if kept else _narrowed(evening["diversity"], morning["diversity"], bound)
    given.say(
        f"diversity: {evening['diversity']:.3f} → {morning['diversity']:.3f}"
        + f"; {why}" * (not kept)
    )
    rows, judged = given.rows, done.judged
    stored = [
        {"id": rows[n]["id"], "text": rows[n]["text"], "spans": judged.spans.get(n, [])}
        for n in judged.stored
    ]
    told = {"the day's": stored, "earlier nights'": given.stored}
    save_model(folder, model if kept else core, given.tokenizer)
    with multiplying(core.device, given.precision):
        audited = audit(core, model if kept else core, given.tokenizer, told, given.length)
    return {
        "kept": kept,
        "why": why,
        "learned": [rows[n]["id"] for n in judged.learned],
        "stored": stored,
        "dropped": [rows[n]["id"] for n in judged.dropped],
        "gains": {
            form: list(pair) for form, pair in judged.gains.items() if "document" not in form
        },
        "copy_steps": done.copies.steps if done.copies else 0,
        "stands_renaming": done.stands_renaming,
        "context_gain": done.context_gain,
        "variants": sum(map(len, reflected.values())),
        "steps": num_steps(given, done),
        "variety": {"evening": evening, "morning": morning},
        "audit": audited,
        "shown": now[:12],
    }


def _narrowed(evening: float, morning: float, bound: float) -> str:
    return (
        f"diversity fell from {evening:.3f} to {morning:.3f}, below {bound:.0%} of it: the core of the "
        "evening stays"
    )
