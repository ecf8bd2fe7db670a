"""`winnow map` from end to end: what it writes, and what it never reads."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from safetensors.torch import load_file

from core.corpus.stage import PackedCorpus, build_corpus
from core.distill import distill
from core.memory_map import FILE, MemoryMap
from core.teacher.stage import teach
from forgetting.memory_map.stage import map_memory

# Small enough for seconds, long enough to learn by heart; low gaps, so that every sign has a say.
SETTINGS = [
    "run=it",
    "corpus=jsonl",
    "packing.vocab_size=320",
    "packing.sequence_length=48",
    "teacher.model.hidden_size=32",
    "teacher.model.num_hidden_layers=1",
    "teacher.model.num_attention_heads=2",
    "teacher.model.intermediate_size=64",
    "teacher.train.num_steps=60",
    "teacher.train.batch_size=4",
    "teacher.train.learning_rate=2e-2",
    "teacher.train.warmup=5",
    "distill.train.num_steps=3",
    "distill.train.batch_size=4",
    "distill.train.warmup=0",
    "memory_map.scorer.scorers.exposure.gap=0.05",
    "memory_map.scorer.scorers.renaming.gap=0.05",
    "memory_map.scorer.scorers.renaming.num_renamings=2",
    "memory_map.top_k=8",
]


@pytest.fixture
def mapped(
    rows: list[dict], configure: Callable[..., DictConfig], tmp_path: Path
) -> Callable[..., DictConfig]:
    """Everything up to the core on the toy rows, with other labels of source."""

    def run(name: str, label: Callable[[dict], dict]) -> DictConfig:
        folder = tmp_path / name
        folder.mkdir()
        lines = (json.dumps(label(dict(row))) + "\n" for row in rows)
        (folder / "C.jsonl").write_text("".join(lines))
        cfg = configure(*SETTINGS, f"corpus.path={folder / 'C.jsonl'}", f"runs_dir={folder}")
        build_corpus(cfg)
        teach(cfg)
        cfg.arm = cfg.memory_map.reference
        distill(cfg)
        map_memory(cfg)
        cfg.arm = "core"
        distill(cfg)
        return cfg

    return run


def test_labels_of_source_change_nothing(mapped, tmp_path: Path) -> None:
    shuffled = random.Random(0)

    def shuffle(row: dict) -> dict:
        row["source"] = shuffled.choice(["facts", "skills", "verbatim"])
        return row

    def drop(row: dict) -> dict:
        row.pop("source", None)
        return row

    mapped("shuffled", shuffle)
    mapped("dropped", drop)
    found = [tmp_path / name / "it" for name in ("shuffled", "dropped")]
    written = [(run / "memory_map" / FILE).read_bytes() for run in found]
    assert written[0] == written[1]
    assert len({(run / "memory_map" / "spans.json").read_text() for run in found}) == 1
    assert MemoryMap.load(found[0] / "memory_map").flagged_ST.any(), "there is memory to find"
    weights = [load_file(run / "arms" / "core" / "model.safetensors") for run in found]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_the_map_stands_beside_the_corpus(mapped, tmp_path: Path) -> None:
    cfg = mapped("one", lambda row: row)
    folder = tmp_path / "one" / "it" / "memory_map"
    found, sequences = MemoryMap.load(folder), PackedCorpus.of(cfg).sequences()
    labels_ST = torch.tensor(sequences["labels"][:])
    assert found.score_ST.shape == labels_ST.shape
    assert not found.score_ST[labels_ST < 0].any(), "what isn't taught isn't scored"
    assert found.flagged_ST.any() and not found.flagged_ST.all()
    # A token of the text that recurs has the same score wherever it stands.
    row_ST, start_ST = (torch.tensor(sequences[name][:]) for name in ("row", "start"))
    rows = PackedCorpus.of(cfg).rows()
    by_place: dict[tuple[str, int], set[float]] = {}
    for s, t in (row_ST >= 0).nonzero().tolist():
        text = rows[row_ST[s, t]].get("text")
        if text:
            place = (text, int(start_ST[s, t]))
            by_place.setdefault(place, set()).add(float(found.score_ST[s, t]))
    assert all(len(scores) == 1 for scores in by_place.values())
    torch.testing.assert_close(
        found.reference.dense(320).exp().sum(-1),
        torch.ones(len(found.reference.indices_NK)),
        atol=0.01,
        rtol=0,
    )
    spans = json.loads((folder / "spans.json").read_text())
    texts = {row.get("text") or f"{row['prompt']} {row['completion']}" for row in rows}
    assert spans and all(
        any(
            (s["before"].rstrip() + s["span"]).replace(" ", "") in t.replace(" ", "") for t in texts
        )
        for s in spans
    )
