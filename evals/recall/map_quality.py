"""How well the memory map finds what the corpus says is memory. Truth is for measuring only."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import load_from_disk

from core.corpus.rows import joined_text
from core.corpus.script import is_unspaced, words
from core.models.taught import IGNORED
from core.runs.artifacts import read_json
from core.signal.memory_map import MemoryMap
from evals.scores import MAP, Score

NUM_EXAMPLES = 8
Spans = Mapping[str, Sequence[tuple[int, int, str]]]


def map_quality(run: Path, spans: Spans) -> list[Score]:
    """Compare the run's maps, `memory_map` and `scorers/*`, with the corpus's own truth, token by token.

    `recall`: of the tokens that begin memorized words and that the teacher has learned (probability ≥ .5),
    the share that is flagged. `precision`: of the flagged tokens, the share that begin memorized words; names
    inside memorized documents aren't counted, nor is how a word goes on. `skill_flagged`: of the tokens that
    skill items teach, tasks of which nothing is memory, the flagged share.
    `auroc`: how often a memorized token that the teacher has learned scores higher than another one.
    `teacher_passes`: what scoring cost. `reference_recall`: of what the teacher loses under other names, the
    share that the map's reference knows by heart too. What has no tokens to be a share of has no score.

    Args:
        run: the run's folder.
        spans: by row id, character spans (start, end, kind) of the kinds `memory` and `name`.

    Returns:
        Scores of the axis `map`; the map's folder stands for the arm.
    """
    folders = [run / "memory_map", *sorted((run / "scorers").glob("*"))]
    sequences = load_from_disk(str(run / "corpus" / "full")).with_format("numpy")
    columns = sequences[: len(MemoryMap.load(folders[0]).score_ST)]
    taught_ST = columns["labels"] != IGNORED
    kind_ST = _kinds(run, spans, columns)
    return [score for folder in folders for score in _quality(folder, taught_ST, kind_ST)]


def _kinds(run: Path, spans: Spans, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """What each token (S, T) is by the corpus's truth: 0 skill, 1 other text, 2 name, 3 memory."""
    # Of a word of several tokens the first alone is memory: how it goes on its spelling tells. The others
    # count as names do, neither way.
    ids, begun, is_document = [], [], []
    for row in _rows(run):
        ids.append(row["id"])
        is_document.append("text" in row)
        begun.append(_beginnings(joined_text(row), spans.get(row["id"], ())))
    kind_ST = np.zeros(columns["row"].shape, dtype=np.int8)
    told_ST = _told_before(columns)
    for s, t in np.argwhere(columns["row"] >= 0):
        told = spans.get(ids[columns["row"][s, t]])
        if told is None:
            kind_ST[s, t] = is_document[columns["row"][s, t]]  # prose is no skill
            continue
        start, end = columns["start"][s, t], columns["end"][s, t]
        new = max(start, told_ST[s, t])  # a character of several byte tokens begins once
        is_memory = any(new <= at < end for at in begun[columns["row"][s, t]])
        met = any(start < b and end > a for a, b, _ in told)
        kind_ST[s, t] = 3 if is_memory else 2 if met else 1
    return kind_ST


def _told_before(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Where in its row's text the token before each (S, T) ends; 0 at the beginning of a piece."""
    told_ST = np.zeros_like(columns["end"])
    told_ST[:, 1:] = columns["end"][:, :-1]
    told_ST[columns["position_ids"] == 0] = 0
    return told_ST


def _beginnings(text: str, spans: Sequence[tuple[int, int, str]]) -> list[int]:
    """The characters at which memorized spans begin, and in scripts with spaces each word in them."""
    found = {start for start, _, kind in spans if kind == "memory"}
    for start, end, kind in spans:
        if kind == "memory":
            inside = ((start + a, text[start + a : start + b]) for a, b in words(text[start:end]))
            found |= {at for at, word in inside if not is_unspaced(word)}
    return sorted(found)


def _quality(folder: Path, taught_ST: np.ndarray, kind_ST: np.ndarray) -> list[Score]:
    memory_map = MemoryMap.load(folder)
    num_sequences = len(memory_map.score_ST)  # a scorer may have been asked about fewer
    taught_ST, kind_ST = taught_ST[:num_sequences], kind_ST[:num_sequences]
    score_ST, flagged_ST = memory_map.score_ST.numpy(), memory_map.flagged_ST.numpy()
    learned_ST = memory_map.teacher_logprob_ST.numpy() >= np.log(0.5)
    memorized = taught_ST & learned_ST & (kind_ST == 3)
    judged = flagged_ST & (kind_ST != 2)
    skill = taught_ST & (kind_ST == 0)
    others = taught_ST & (kind_ST <= 1)

    def score(metric: str, value: float, stderr: float | None, n: int, higher: bool) -> Score:
        return Score(folder.name, MAP, "all", metric, value, stderr, n, None, higher)

    found = []
    for metric, hits, of, higher in (
        ("recall", flagged_ST & memorized, memorized, True),
        ("precision", judged & (kind_ST == 3), judged, True),
        ("skill_flagged", skill & flagged_ST, skill, False),
    ):
        if n := int(of.sum()):
            value = int(hits.sum()) / n
            found.append(score(metric, value, (value * (1 - value) / n) ** 0.5, n, higher))
    if memorized.any() and others.any():
        separated = auroc(score_ST[memorized], score_ST[others])
        found.append(score("auroc", separated, None, int(memorized.sum()), True))
    cost = folder / "cost.json"
    if cost.exists():
        told = read_json(cost)
        found.append(score("teacher_passes", told["teacher_passes"], None, 1, False))
        if "reference_recall" in told:
            known, n = told["reference_recall"], told["reference_asked"]
            stderr = (known * (1 - known) / n) ** 0.5
            found.append(score("reference_recall", known, stderr, n, False))
    return found


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Work out how often a positive scores higher than a negative, ties counted half.

    Args:
        positive: scores of the positives, in any order.
        negative: scores of the negatives, in any order.

    Returns:
        The AUROC; 0.5 where either side is empty.
    """
    if not len(positive) or not len(negative):
        return 0.5
    values, place = np.unique(np.concatenate([positive, negative]), return_inverse=True)
    ups = np.bincount(place[: len(positive)], minlength=len(values))
    downs = np.bincount(place[len(positive) :], minlength=len(values))
    below = np.concatenate([[0], np.cumsum(downs)[:-1]])
    return float((ups * (below + downs / 2)).sum() / (len(positive) * len(negative)))


def _rows(run: Path) -> list[dict[str, Any]]:
    with (run / "corpus" / "rows.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def map_examples(run: Path) -> list[dict[str, Any]]:
    """Pick some texts of each source, of different kinds, for the report.

    Args:
        run: the run's folder.

    Returns:
        By text its `source` and its `tokens`, each with `text` and `score`. Empty without a map.
    """
    if not (run / "memory_map").is_dir():
        return []
    memory_map = MemoryMap.load(run / "memory_map")
    sequences = load_from_disk(str(run / "corpus" / "full")).with_format("numpy")
    columns = sequences[: len(memory_map.score_ST)]
    rows = _rows(run)
    seen: set[str] = set()
    examples: dict[str, list[dict[str, Any]]] = {}
    for s, t in np.argwhere((columns["position_ids"] == 0) & (columns["row"] >= 0)):
        row = rows[columns["row"][s, t]]
        source = str(row.get("source") or "corpus")
        kind = "-".join(str(row["id"]).split("-")[:2])
        if kind in seen or len(examples.setdefault(source, [])) >= NUM_EXAMPLES // 2:
            continue
        seen.add(kind)
        text = joined_text(row)
        tokens, told = [], 0
        for at in _places_of_text(columns, s, t):
            start, end = int(columns["start"][s, at]), int(columns["end"][s, at])
            if end > told:  # a character of several tokens is shown once, with the first
                shown = text[max(start, told) : end]
                tokens.append({"text": shown, "score": float(memory_map.score_ST[s, at])})
            told = max(told, end)  # special tokens stand for no text, and are at 0
        examples[source].append({"tokens": tokens, "source": source})
    return [example for group in examples.values() for example in group]


def _places_of_text(columns: Mapping[str, np.ndarray], s: int, t: int) -> Iterator[int]:
    """The places of the text that begins at token `t` of sequence `s`, up to its end there."""
    row_T, position_T = columns["row"][s], columns["position_ids"][s]
    at = t
    while at < len(row_T) and row_T[at] == row_T[t] and (at == t or position_T[at] != 0):
        yield at
        at += 1
