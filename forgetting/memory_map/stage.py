"""`winnow map`: score every token of the corpus, and keep what a model that never saw it would say."""

import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from omegaconf import DictConfig
from rich.markup import escape
from transformers import PreTrainedModel

from core.artifacts import (
    Artifact,
    fingerprint_of,
    hash_file,
    run_folder,
    write_json,
)
from core.build import build
from core.console import Report, console
from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.memory_map import THRESHOLD, MemoryMap
from core.models import check_vocabulary, load_model
from core.progress import reporting
from core.signal import TopK
from core.taught import taught_logits_in_parts
from forgetting.memory_map.histogram import bars
from forgetting.memory_map.page import write_page
from forgetting.memory_map.pieces import Pieces, batches
from forgetting.memory_map.scorer import Evidence, Scorer, piece_logprobs
from forgetting.memory_map.spans import memorized_spans

FOLDER = "memory_map"
COST = "cost.json"  # the time that scoring took, in passes of the teacher over the corpus
SHOWN = (None, "html")
LONGEST_SHOWN = 120  # characters of a span on the console


def map_memory(cfg: DictConfig, report: Report | None = None) -> None:
    """Write `memory_map/`: scores, reference distributions, and the most memorized spans as text.

    With `show=html` a page that colours the corpus by score too, of a map that was there already as well.
    Raises UserError for another way to show it, and for whatever the scorer can't work with.
    """
    if cfg.show not in SHOWN:
        raise UserError(f"show={cfg.show}: a map is shown as html, or not at all (null)")
    folder = run_folder(cfg) / FOLDER
    make_map(cfg, folder, report)
    if cfg.show == "html":
        page = write_page(folder, PackedCorpus.of(cfg))
        console.print(f"map: the corpus coloured by score → {page}")


def make_map(cfg: DictConfig, folder: Path, report: Report | None = None) -> None:
    """Write the map that `cfg.memory_map` asks for into `folder`, unless it is there."""
    run, settings = run_folder(cfg), cfg.memory_map
    corpus = PackedCorpus.of(cfg)
    scorer: Scorer = build(settings.scorer)
    inputs = {
        "corpus": corpus.fingerprint,
        "teacher": fingerprint_of(run / "teacher", "teach"),
        **{str(path): hash_file(path) for path in scorer.files()},
    }
    reference_folder = None
    if settings.reference is not None:
        reference_folder = run / "arms" / settings.reference
        made_by = f"distill arm={settings.reference}"
        inputs["reference"] = fingerprint_of(reference_folder, made_by)
    artifact = Artifact(folder, settings, inputs)
    if artifact.is_done(cfg.overwrite):
        return
    scorer.prepare(corpus.tokenizer)
    teacher = _load(run / "teacher", corpus, "the teacher")
    reference = None
    if reference_folder is not None:
        reference = _load(reference_folder, corpus, "the reference")
    _write(artifact, settings, corpus, scorer, teacher, reference, report)


def _load(folder: Path, corpus: PackedCorpus, who: str) -> PreTrainedModel:
    model = load_model(folder)
    check_vocabulary(model, corpus.tokenizer, who)
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def _write(
    artifact: Artifact,
    settings: DictConfig,
    corpus: PackedCorpus,
    scorer: Scorer,
    teacher: PreTrainedModel,
    reference: PreTrainedModel | None,
    report: Report | None,
) -> None:
    """Score the corpus, write what was found, and tell it in short."""
    sequences = corpus.sequences()
    if settings.num_sequences is not None:
        sequences = sequences.select(range(min(settings.num_sequences, len(sequences))))
    with artifact.writing() as folder, reporting("map", report) as show:
        # Rows come with their labels of source; pieces hold the texts alone.
        pieces = Pieces.of(sequences, corpus.rows())
        began = time.perf_counter()
        teacher_M = piece_logprobs(teacher, pieces, pieces.taught, show, "teacher")
        one_pass = time.perf_counter() - began
        folds = corpus.fold_of_rows
        fold_P = None if folds is None else pieces.of_rows(np.array(folds))
        evidence = Evidence(pieces, corpus.tokenizer, teacher, teacher_M, reference, show, fold_P)
        # A piece's first token is not predicted from anything.
        wanted_M = pieces.taught.copy()
        wanted_M[pieces.first[:-1]] = False
        began = time.perf_counter()
        score_M = np.where(wanted_M, scorer.score(evidence, wanted_M), 0).astype(np.float16)
        passes = (time.perf_counter() - began) / one_pass
        write_json(folder / COST, {"teacher_passes": round(passes, 2)})
        flagged_M = score_M >= THRESHOLD
        if reference is None:
            kept = _room(int(flagged_M.sum()), 0)
        else:
            kept = _reference_topk(reference, pieces, flagged_M, settings.top_k)
        _save(folder, pieces, score_M, teacher_M, kept)
        share = flagged_M.sum() / max(wanted_M.sum(), 1)
        read = pieces.spread(flagged_M).sum() / max(pieces.spread(wanted_M).sum(), 1)
        spans = memorized_spans(pieces, score_M.astype(np.float32))
        write_json(folder / "spans.json", spans)
    console.print(
        f"map: {share:.1%} of distinct taught tokens are memory, {read:.1%} as often as they recur"
        f" → {artifact.folder}"
    )
    for line in bars(score_M[wanted_M]):
        console.print(line)
    for span in spans[:5]:
        before, text = escape(span["before"][-40:]), escape(span["span"][:LONGEST_SHOWN])
        console.print(f"  [dim]…{before}[/dim] [bold]{text}[/bold]")


@torch.no_grad()
def _reference_topk(
    reference: PreTrainedModel, pieces: Pieces, flagged_M: np.ndarray, k: int
) -> TopK:
    """The reference's distribution at each flagged token of the pieces, in order: (F, K)."""
    k = min(k, reference.get_output_embeddings().weight.shape[0] - 1)
    numbers = pieces.pieces_with(flagged_M) if flagged_M.any() else np.array([], dtype=int)
    ids = [pieces.ids[pieces.first[p] : pieces.first[p + 1]] for p in numbers]
    wanted = [flagged_M[pieces.first[p] : pieces.first[p + 1]] for p in numbers]
    rank_M = np.cumsum(flagged_M) - 1
    total = int(flagged_M.sum())
    kept = _room(total, k)
    for order, input_ids, positions, labels in batches(ids, wanted):
        on_device = (x.to(reference.device) for x in (input_ids, positions, labels))
        at = np.concatenate([pieces.first[numbers[n]] + np.flatnonzero(wanted[n]) for n in order])
        for part, logits_nV in taught_logits_in_parts(reference, *on_device):
            found = TopK.of(F.log_softmax(logits_nV.float(), dim=-1), k)
            rows = torch.from_numpy(rank_M[at[part]])
            kept.indices_NK[rows] = found.indices_NK.cpu()
            kept.logprobs_NK[rows] = found.logprobs_NK.cpu()
            kept.tail_logprob_N[rows] = found.tail_logprob_N.cpu()
    return kept


def _room(total: int, k: int) -> TopK:
    """Room for so many distributions."""
    return TopK(torch.zeros(total, k, dtype=torch.long), torch.zeros(total, k), torch.zeros(total))


def _save(
    folder: Path, pieces: Pieces, score_M: np.ndarray, teacher_M: np.ndarray, kept: TopK
) -> None:
    """Spread what was found for each piece over all the places where it stands."""
    score_ST = torch.from_numpy(pieces.spread(score_M)).float()
    teacher_ST = torch.from_numpy(pieces.spread(teacher_M))
    rank_ST = torch.from_numpy(pieces.spread(np.cumsum(score_M >= THRESHOLD) - 1))
    rows = rank_ST[score_ST >= THRESHOLD]
    reference = TopK(kept.indices_NK[rows], kept.logprobs_NK[rows], kept.tail_logprob_N[rows])
    MemoryMap(score_ST, teacher_ST, reference).save(folder)
