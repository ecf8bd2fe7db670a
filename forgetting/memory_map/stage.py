"""`winnow map`: score every token of the corpus, and keep what a model that never saw it would say.

The corpus is scored in shards of about `memory_map.shard_tokens` tokens. Processes launched together share
them, and whatever is there already is skipped.
"""

import shutil
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from rich.text import Text
from transformers import PreTrainedModel

from core.config.build import build
from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.models.gate import check_packed
from core.models.loading import check_vocabulary, load_model
from core.models.precision import in_bfloat16
from core.runs import processes
from core.runs.artifacts import (
    MARK,
    Artifact,
    fingerprint_of,
    hash_file,
    plain,
    run_folder,
    write_json,
)
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting
from core.signal.memory_map import join_shards
from forgetting.memory_map.cleanliness import ReferenceRecall
from forgetting.memory_map.histogram import bars
from forgetting.memory_map.page import write_page
from forgetting.memory_map.pieces import Pieces
from forgetting.memory_map.scorer import (
    Evidence,
    Scorer,
    piece_logprobs,
    piece_logprobs_and_hits,
)
from forgetting.memory_map.shard import SPANS, read_spans, read_summary, write_shard
from forgetting.memory_map.signs import join_signs

VERSION = "5"  # raised when the same configuration gives another map
FOLDER = "memory_map"
SHARDS = "shards"  # until they are joined
COST = "cost.json"  # the time that scoring took, in passes of the teacher over the corpus
SHOWN = (None, "html")
LONGEST_SHOWN = 120  # characters of a span on the console


def map_memory(cfg: DictConfig, report: Report | None = None) -> None:
    """Write `memory_map/`: scores, reference distributions, and the most memorized spans as text.

    With `memory_map.show=html` also a page that colours the corpus by score, even where the map was there
    already. Raises UserError for another way to show it, and for whatever the scorer can't work with.
    """
    show = cfg.memory_map.show
    if show not in SHOWN:
        raise UserError(f"memory_map.show={show}: a map is shown as html, or not at all (null)")
    folder = run_folder(cfg) / FOLDER
    make_map(cfg, folder, report)
    if show == "html":
        page = write_page(folder, PackedCorpus.of(cfg))
        console.print(f"map: the corpus coloured by score → {page}")


def make_map(cfg: DictConfig, folder: Path, report: Report | None = None) -> None:
    """Write the map that `cfg.memory_map` asks for into `folder`, unless it is there.

    Layers multiply in the precision of training: a token's log-probability moves by thousandths of a nat,
    where signs ask for tenths.
    """
    run, settings, corpus = run_folder(cfg), plain(cfg.memory_map), PackedCorpus.of(cfg)
    del settings["show"]  # which leaves the map as it is
    shards = _cut(corpus, settings["num_sequences"], settings.pop("shard_tokens"))
    if len(shards) > 1:
        settings["shard_sequences"] = len(shards[0])
    scorer: Scorer = build(cfg.memory_map.scorer)
    of = {"corpus": corpus.fingerprint}
    inputs = of | {
        "teacher": fingerprint_of(run / "teacher", "teach", of),
        **{str(path): hash_file(path) for path in scorer.files()},
    }
    reference_folder = None
    if settings["reference"] is not None:
        reference_folder = run / "arms" / settings["reference"]
        made_by = f"distill arm={settings['reference']}"
        inputs["reference"] = fingerprint_of(reference_folder, made_by, of)
    artifact = Artifact(folder, settings, inputs, version=VERSION)
    if artifact.is_done(cfg.overwrite):
        return tell_kept(artifact.folder, report)
    scorer.prepare(corpus.tokenizer)
    teacher = _load(run / "teacher", corpus, "the teacher")
    reference = None
    if reference_folder is not None:
        reference = _load(reference_folder, corpus, "the reference")
    with artifact.writing() as partial, reporting("map", report) as show:
        written = [
            Artifact(
                partial / SHARDS / f"shard-{number:05d}",
                {**settings, "sequences": [chosen.start, chosen.stop]},
                inputs,
                version=VERSION,
            )
            for number, chosen in enumerate(shards)
        ]
        reduced = in_bfloat16(cfg.training.precision)
        with torch.autocast(teacher.device.type, torch.bfloat16, enabled=reduced):
            _score(written, shards, corpus, scorer, teacher, reference, settings["top_k"], show)
        if processes.is_main():
            _join(partial, [shard.folder for shard in written], folder)


def _cut(corpus: PackedCorpus, num_sequences: int | None, shard_tokens: int) -> list[range]:
    """The sequences of each shard; raises UserError for a shard of nothing."""
    if shard_tokens < 1:
        raise UserError(f"memory_map.shard_tokens must be 1 or more, not {shard_tokens}")
    sequences = corpus.sequences()
    count = min(len(sequences), num_sequences or len(sequences))
    size = max(shard_tokens // len(sequences[0]["input_ids"]), 1)
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def _load(folder: Path, corpus: PackedCorpus, who: str) -> PreTrainedModel:
    model = load_model(folder)
    check_vocabulary(model, corpus.tokenizer, who)
    check_packed(model, who)
    return model.eval().to(processes.state().device)


def _score(
    written: list[Artifact],
    shards: list[range],
    corpus: PackedCorpus,
    scorer: Scorer,
    teacher: PreTrainedModel,
    reference: PreTrainedModel | None,
    top_k: int,
    show: Report,
) -> None:
    """Write this process's share of the shards, and wait until the others' are there."""
    state, sequences, rows = processes.state(), corpus.sequences(), corpus.rows()
    own = range(state.process_index, len(shards), state.num_processes)
    todo = [number for number in own if not written[number].is_done()]

    @lru_cache(1)
    def pieces_of(number: int) -> Pieces:
        # Rows come with their labels of source; pieces hold the texts alone.
        return Pieces.of(sequences.select(shards[number]), rows)

    if todo:
        scorer.survey(teacher, pieces_of(0))
    folds = corpus.fold_of_rows
    for number in todo:
        note = f" {number + 1}/{len(shards)}" if len(shards) > 1 else ""

        def told(done: int, total: int, what: str, note: str = note) -> None:
            show(done, total, what + note)

        pieces = pieces_of(number)
        began = time.perf_counter()
        asked = teacher, pieces, pieces.taught, told, "teacher"
        teacher_M, hit_M = piece_logprobs_and_hits(*asked)
        seconds = time.perf_counter() - began
        fold_P = None if folds is None else pieces.of_rows(np.array(folds))
        reference_M = None
        if reference is not None:
            reference_M = piece_logprobs(reference, pieces, pieces.taught, told, "reference")
        evidence = Evidence(
            pieces,
            corpus.tokenizer,
            teacher,
            teacher_M,
            reference,
            told,
            fold_P,
            reference_M,
            hit_M,
        )
        with written[number].writing(alone=True) as folder:
            write_shard(folder, scorer, evidence, top_k=top_k, teacher_seconds=seconds)
    # Not at a barrier alone, which gives up after half an hour.
    while not all((shard.folder / MARK).exists() for shard in written):
        time.sleep(0.2)
    processes.wait()  # before the first of them clears the shards away


def _join(partial: Path, shards: list[Path], folder: Path) -> None:
    """Make the whole map of its shards, and tell it in short; `folder` is where it will be."""
    join_shards(shards, partial)
    join_signs(shards, partial)
    spans, summed = read_spans(shards), read_summary(shards)
    write_json(partial / SPANS, spans)
    passes = summed["scorer_seconds"] / summed["teacher_seconds"]
    known = ReferenceRecall(int(summed["reference_hits"]), int(summed["reference_asked"]))
    cost = {"teacher_passes": round(float(passes), 2)}
    if known.asked:
        cost |= {"reference_recall": round(known.share, 4), "reference_asked": known.asked}
    write_json(partial / COST, cost)
    shutil.rmtree(partial / SHARDS)
    share = summed["flagged"] / max(summed["taught"], 1)
    read = summed["flagged_places"] / max(summed["taught_places"], 1)
    console.print(
        f"map: {share:.1%} of distinct taught tokens are memory, {read:.1%} as often as they recur"
        f" → {folder}"
    )
    if known.asked:
        console.print(
            f"map: of what the teacher loses under other names the reference knows {known.share:.1%}",
            style="" if known.is_clean else "yellow",
        )
    if not known.is_clean:
        console.print(
            "map: the reference isn't clean. Its corpus tells things more than once, in words that "
            "deduplication doesn't see through; exposure misses what it knows, and targets may give it away",
            style="yellow",
        )
    for line in bars(summed["bins"] / max(summed["bins"].sum(), 1)):
        console.print(line)
    for span in spans[:5]:
        before, text = span["before"][-40:], span["span"][:LONGEST_SHOWN]
        console.print(Text.assemble((f"  …{before} ", "dim"), (text, "bold")))
