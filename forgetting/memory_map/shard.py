"""One shard of a map: some of the packed sequences, scored by themselves.

What it is depends on its own sequences, on the models and on what the scorer has surveyed, and on no other
shard: so any number of processes make the same map.
"""

import time
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import PreTrainedModel

from core.models.taught import taught_logits_in_parts
from core.runs.artifacts import read_json, write_json
from core.signal.memory_map import THRESHOLD, MemoryMap
from core.signal.signal import TopK
from forgetting.memory_map.cleanliness import ReferenceRecall, reference_knows
from forgetting.memory_map.histogram import counts
from forgetting.memory_map.pieces import Pieces, batches
from forgetting.memory_map.renaming import Renaming
from forgetting.memory_map.scorer import Evidence, Scorer
from forgetting.memory_map.signs import save_signs
from forgetting.memory_map.spans import memorized_spans

SUMMARY, SPANS = "summary.json", "spans.json"
PIECES = "pieces.npy"  # of each piece what tells it from others, its flagged tokens and those asked


def write_shard(
    folder: Path, scorer: Scorer, evidence: Evidence, *, top_k: int, teacher_seconds: float
) -> None:
    """Score the evidence and write the map of its sequences, spans as text, and figures that add up.

    `teacher_seconds` is what the teacher's pass over it took, to which the scorer's time is compared.
    """
    pieces = evidence.pieces
    # A piece's first token is not predicted from anything.
    wanted_M = pieces.taught.copy()
    wanted_M[pieces.first[:-1]] = False
    began = time.perf_counter()
    score_M, refused_M = scorer.judge(evidence, wanted_M)
    score_M = np.where(wanted_M, score_M, 0).astype(np.float16)
    scorer_seconds = time.perf_counter() - began
    flagged_M = score_M >= THRESHOLD
    if evidence.reference is None:
        kept = _room(int(flagged_M.sum()), 0)
    else:
        kept = _reference_topk(evidence.reference, pieces, flagged_M, top_k)
    _save(folder, evidence, score_M, kept)
    known = _reference_knows(scorer, evidence)
    save_signs(folder, scorer.signs, torch.from_numpy(pieces.spread(refused_M)))
    np.save(folder / PIECES, _counts(pieces, flagged_M, wanted_M))
    write_json(folder / SPANS, memorized_spans(pieces, score_M.astype(np.float32)))
    write_json(
        folder / SUMMARY,
        {
            "flagged_places": int(pieces.spread(flagged_M).sum()),
            "taught_places": int(pieces.spread(wanted_M).sum()),
            "bins": counts(score_M[wanted_M]).tolist(),
            "teacher_seconds": teacher_seconds,
            "scorer_seconds": scorer_seconds,
            "reference_hits": known.hits,
            "reference_asked": known.asked,
        },
    )


def _reference_knows(scorer: Scorer, evidence: Evidence) -> ReferenceRecall:
    """What the reference knows by heart, as far as renaming tells; nothing without either."""
    renaming = next((part for part in scorer.parts() if isinstance(part, Renaming)), None)
    if renaming is None or evidence.reference is None:
        return ReferenceRecall(0, 0)
    return reference_knows(evidence, renaming)


def _counts(pieces: Pieces, flagged_M: np.ndarray, wanted_M: np.ndarray) -> np.ndarray:
    """For each piece (P, 3): a digest of it, how many of its tokens are flagged, how many were asked."""
    parts = [slice(a, b) for a, b in pairwise(pieces.first)]
    told = [
        text.encode(errors="replace") + pieces.taught[part].tobytes()
        for text, part in zip(pieces.texts, parts, strict=True)
    ]
    digests = [int.from_bytes(blake2b(one, digest_size=8).digest()) for one in told]
    counts = [(flagged_M[part].sum(), wanted_M[part].sum()) for part in parts]
    return np.column_stack([np.array(digests, np.uint64), np.array(counts, np.uint64)])


def read_summary(folders: list[Path]) -> dict[str, Any]:
    """The shards' figures, summed up; a piece that several shards have counts once among what is distinct."""
    found = [read_json(folder / SUMMARY) for folder in folders]
    summed = {key: np.sum([summary[key] for summary in found], axis=0) for key in found[0]}
    counts = np.concatenate([np.load(folder / PIECES) for folder in folders])
    _, firsts = np.unique(counts[:, 0], return_index=True)
    flagged, taught = counts[firsts, 1:].sum(axis=0).tolist()
    return {**summed, "flagged": flagged, "taught": taught}


def read_spans(folders: list[Path], most: int = 200) -> list[dict[str, Any]]:
    """The most memorized spans of all shards; one that several have is told once."""
    found = [span for folder in folders for span in read_json(folder / SPANS)]
    once = {(span["before"], span["span"]): span for span in reversed(found)}
    told = [span for span in found if once[span["before"], span["span"]] is span]
    return sorted(told, key=lambda span: (-span["score"], -len(span["span"])))[:most]


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


def _save(folder: Path, evidence: Evidence, score_M: np.ndarray, kept: TopK) -> None:
    """Spread what was found for each piece over all the places where it stands."""
    pieces, by_reference_M = evidence.pieces, evidence.reference_logprob_M
    score_ST = torch.from_numpy(pieces.spread(score_M)).float()
    rank_ST = torch.from_numpy(pieces.spread(np.cumsum(score_M >= THRESHOLD) - 1))
    rows = rank_ST[score_ST >= THRESHOLD]
    MemoryMap(
        score_ST,
        torch.from_numpy(pieces.spread(evidence.teacher_logprob_M)),
        TopK(kept.indices_NK[rows], kept.logprobs_NK[rows], kept.tail_logprob_N[rows]),
        None if by_reference_M is None else torch.from_numpy(pieces.spread(by_reference_M)),
    ).save(folder)
