"""How well the memory map finds what the corpus says is memory. Truth is for measuring only."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import load_from_disk

from core.corpus.packing import IGNORED
from core.memory_map import MemoryMap
from evals.scores import MAP, Score

NUM_EXAMPLES = 8
Spans = Mapping[str, Sequence[tuple[int, int, str]]]


def map_quality(run: Path, spans: Spans) -> list[Score]:
    """Token-level figures of `run/memory_map` against the corpus's own truth.

    `recall`: of the tokens in memorized spans that the teacher has learned (probability ≥ .5), the
    share that is flagged. `precision`: of the flagged tokens, the share in memorized spans, names inside
    memorized documents apart. `skill_flagged`: of the tokens that skill items teach, the flagged share.
    """
    memory_map = MemoryMap.load(run / "memory_map")
    sequences = load_from_disk(str(run / "corpus" / "full")).with_format("numpy")
    columns = sequences[: len(memory_map.score_ST)]
    ids = [row["id"] for row in _rows(run)]
    flagged_ST = memory_map.flagged_ST.numpy()
    learned_ST = memory_map.teacher_logprob_ST.numpy() >= np.log(0.5)
    taught_ST = columns["labels"] != IGNORED
    kind_ST = np.zeros(flagged_ST.shape, dtype=np.int8)  # 0 skill, 1 other text, 2 name, 3 memory
    for s, t in np.argwhere(columns["row"] >= 0):
        found = spans.get(ids[columns["row"][s, t]])
        if found is None:
            continue
        start, end = columns["start"][s, t], columns["end"][s, t]
        kinds = {kind for a, b, kind in found if start < b and end > a}
        kind_ST[s, t] = 3 if "memory" in kinds else 2 if "name" in kinds else 1
    memorized = taught_ST & learned_ST & (kind_ST == 3)
    judged = flagged_ST & (kind_ST != 2)
    skill = taught_ST & (kind_ST == 0)
    return [
        _share("recall", int((flagged_ST & memorized).sum()), int(memorized.sum()), True),
        _share("precision", int((judged & (kind_ST == 3)).sum()), int(judged.sum()), True),
        _share("skill_flagged", int((skill & flagged_ST).sum()), int(skill.sum()), False),
    ]


def _rows(run: Path) -> list[dict[str, Any]]:
    with (run / "corpus" / "rows.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _share(metric: str, hits: int, n: int, higher: bool) -> Score:
    value = hits / max(n, 1)
    stderr = (value * (1 - value) / max(n, 1)) ** 0.5
    return Score("memory_map", MAP, "all", metric, value, stderr, n, None, higher)


def map_examples(run: Path) -> list[dict[str, Any]]:
    """Texts with their tokens' scores, for the report: some of each source, of different kinds."""
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
        source = str(row.get("source", "corpus"))
        kind = "-".join(str(row["id"]).split("-")[:2])
        if kind in seen or len(examples.setdefault(source, [])) >= NUM_EXAMPLES // 2:
            continue
        seen.add(kind)
        text = row.get("text") or f"{row['prompt']} {row['completion']}"
        tokens, told = [], 0
        while t < columns["row"].shape[1] and columns["row"][s, t] == columns["row"][s, t]:
            start, end = int(columns["start"][s, t]), int(columns["end"][s, t])
            if start == end:
                break
            if end > told:  # a character of several tokens is shown once, with the first
                shown = text[max(start, told) : end]
                tokens.append({"text": shown, "score": float(memory_map.score_ST[s, t])})
            told = end
            t += 1
            if t < columns["row"].shape[1] and columns["position_ids"][s, t] == 0:
                break
        examples[source].append({"tokens": tokens, "source": source})
    return [example for group in examples.values() for example in group]
