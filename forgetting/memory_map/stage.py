"""`winnow map`: score every token of the corpus, and keep what a model that never saw it would say."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from omegaconf import DictConfig
from transformers import PreTrainedModel

from core.artifacts import Artifact, fingerprint_of, run_folder, write_json
from core.build import build
from core.console import Report, console
from core.corpus.stage import PackedCorpus
from core.memory_map import THRESHOLD, MemoryMap
from core.models import check_vocabulary, load_model
from core.progress import reporting
from core.signal import TopK
from core.taught import taught_logits
from forgetting.memory_map.pieces import Pieces, batches
from forgetting.memory_map.scorer import Evidence, Scorer, piece_logprobs

FOLDER = "memory_map"


def map_memory(cfg: DictConfig, report: Report | None = None) -> None:
    """Write `memory_map/`: scores, reference distributions, and the most memorized spans as text."""
    run, settings = run_folder(cfg), cfg.memory_map
    corpus = PackedCorpus.of(cfg)
    reference_folder = run / "arms" / settings.reference
    inputs = {
        "corpus": corpus.fingerprint,
        "teacher": fingerprint_of(run / "teacher", "teach"),
        "reference": fingerprint_of(reference_folder, f"distill arm={settings.reference}"),
    }
    artifact = Artifact(run / FOLDER, settings, inputs)
    if artifact.is_done(cfg.overwrite):
        return
    scorer: Scorer = build(settings.scorer)
    teacher, reference = load_model(run / "teacher"), load_model(reference_folder)
    tokenizer = corpus.tokenizer
    check_vocabulary(teacher, tokenizer, "the teacher")
    check_vocabulary(reference, tokenizer, "the reference")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    teacher, reference = teacher.eval().to(device), reference.eval().to(device)
    sequences = corpus.sequences()
    if settings.num_sequences is not None:
        sequences = sequences.select(range(min(settings.num_sequences, len(sequences))))
    with artifact.writing() as folder, reporting("map", report) as show:
        # Rows come with their labels of source; pieces hold the texts alone.
        pieces = Pieces.of(sequences, corpus.rows())
        teacher_M = piece_logprobs(teacher, pieces, pieces.taught, show, "teacher")
        evidence = Evidence(pieces, tokenizer, teacher, teacher_M, reference, show)
        # A piece's first token is not predicted from anything.
        wanted_M = pieces.taught.copy()
        wanted_M[pieces.first[:-1]] = False
        score_M = np.where(wanted_M, scorer.score(evidence, wanted_M), 0).astype(np.float16)
        flagged_M = score_M >= THRESHOLD
        kept = _reference_topk(reference, pieces, flagged_M, settings.top_k)
        _save(folder, pieces, score_M, teacher_M, kept)
        share = flagged_M.sum() / max(wanted_M.sum(), 1)
        spans = memorized_spans(pieces, score_M.astype(np.float32))
        write_json(folder / "spans.json", spans)
    console.print(f"map: {share:.1%} of distinct taught tokens are memory → {artifact.folder}")
    for span in spans[:5]:
        console.print(
            f"  [dim]…{span['before'][-40:]}[/dim] [bold]{span['span']}[/bold]", markup=True
        )


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
    kept = TopK(torch.zeros(total, k, dtype=torch.long), torch.zeros(total, k), torch.zeros(total))
    for order, input_ids, positions, labels in batches(ids, wanted):
        on_device = (x.to(reference.device) for x in (input_ids, positions, labels))
        logprobs_NV = F.log_softmax(taught_logits(reference, *on_device).float(), dim=-1)
        found = TopK.of(logprobs_NV, k)
        at = np.concatenate([pieces.first[numbers[n]] + np.flatnonzero(wanted[n]) for n in order])
        rows = torch.from_numpy(rank_M[at])
        kept.indices_NK[rows] = found.indices_NK.cpu()
        kept.logprobs_NK[rows] = found.logprobs_NK.cpu()
        kept.tail_logprob_N[rows] = found.tail_logprob_N.cpu()
    return kept


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


def memorized_spans(pieces: Pieces, score_M: np.ndarray, most: int = 200) -> list[dict[str, Any]]:
    """The highest-scored runs of flagged tokens as text, with what stands before them."""
    flagged = score_M >= THRESHOLD
    begins = flagged & ~np.concatenate([[False], flagged[:-1]])
    begins[pieces.first[:-1]] |= flagged[pieces.first[:-1]]
    piece_of = np.repeat(np.arange(len(pieces.texts)), np.diff(pieces.first))
    spans = []
    for at in np.flatnonzero(begins):
        stop, last = at + 1, pieces.first[piece_of[at] + 1]
        while stop < last and flagged[stop]:
            stop += 1
        text = pieces.texts[piece_of[at]]
        start, end = int(pieces.start[at]), int(pieces.end[stop - 1])
        score = float(score_M[at:stop].mean())
        spans.append(
            {"before": text[:start], "span": text[start:end].strip(), "score": round(score, 3)}
        )
    spans.sort(key=lambda span: (-span["score"], -len(str(span["span"]))))
    return spans[:most]
