"""`winnow map` from end to end: what it writes, and what it never reads."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from safetensors.torch import load_file

from core.arms.distill import distill
from core.arms.teach import teach
from core.corpus.folds import fold_of_rows
from core.corpus.stage import PackedCorpus, build_corpus
from core.errors import UserError
from core.runs.artifacts import run_folder
from core.signal.memory_map import FILE, MemoryMap
from forgetting.memory_map import stage
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


def make(
    folder: Path,
    rows: list[dict],
    configure: Callable[..., DictConfig],
    label: Callable[[dict], dict] = lambda row: row,
) -> DictConfig:
    """Everything up to the core on the toy rows, with other labels of source."""
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


@pytest.fixture(scope="module")
def made(
    rows: list[dict], configure: Callable[..., DictConfig], tmp_path_factory: pytest.TempPathFactory
) -> DictConfig:
    return make(tmp_path_factory.mktemp("made") / "runs", rows, configure)


@pytest.fixture
def mapped(made: DictConfig, tmp_path: Path) -> DictConfig:
    """A copy of a whole run, to be changed."""
    cfg = made.copy()
    shutil.copytree(made.runs_dir, tmp_path / "runs")
    cfg.runs_dir = str(tmp_path / "runs")
    return cfg


@pytest.mark.slow
def test_labels_of_source_change_nothing(
    rows: list[dict], configure: Callable[..., DictConfig], tmp_path: Path
) -> None:
    shuffled = random.Random(0)

    def shuffle(row: dict) -> dict:
        row["source"] = shuffled.choice(["facts", "skills", "verbatim"])
        return row

    def drop(row: dict) -> dict:
        row.pop("source", None)
        return row

    make(tmp_path / "shuffled", rows, configure, shuffle)
    make(tmp_path / "dropped", rows, configure, drop)
    found = [tmp_path / name / "it" for name in ("shuffled", "dropped")]
    written = [(run / "memory_map" / FILE).read_bytes() for run in found]
    assert written[0] == written[1]
    assert len({(run / "memory_map" / "spans.json").read_text() for run in found}) == 1
    assert MemoryMap.load(found[0] / "memory_map").flagged_ST.any(), "there is memory to find"
    weights = [load_file(run / "arms" / "core" / "model.safetensors") for run in found]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_map_in_bfloat16_is_that_of_float32_but_for_rounding(mapped: DictConfig) -> None:
    maps = []
    for precision in ("float32", "bfloat16"):
        mapped.training.precision = precision
        shutil.rmtree(run_folder(mapped) / "memory_map")
        map_memory(mapped)
        maps.append(MemoryMap.load(run_folder(mapped) / "memory_map"))
    one, other = (m.teacher_logprob_ST for m in maps)
    assert not torch.equal(one, other)
    assert (one - other).abs().float().mean() < 0.01
    scores = [m.score_ST.float() for m in maps]
    assert (scores[0] - scores[1]).abs().mean() < 0.01


def test_the_map_stands_beside_the_corpus(made: DictConfig) -> None:
    cfg = made
    folder = run_folder(cfg) / "memory_map"
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


def test_what_was_found_is_told(mapped: DictConfig, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(run_folder(mapped) / "memory_map")
    map_memory(mapped)
    said = capsys.readouterr().out
    assert "of distinct taught tokens are memory" in said and "as often as they recur" in said
    assert len([line for line in said.splitlines() if "–" in line and "%" in line]) == 10
    spans = json.loads((run_folder(mapped) / "memory_map" / "spans.json").read_text())
    assert spans[0]["span"] in said


def test_a_map_that_is_there_is_shown_as_a_page(mapped: DictConfig) -> None:
    folder = run_folder(mapped) / "memory_map"
    before = (folder / FILE).stat().st_mtime_ns
    assert not (folder / "map.html").exists()
    mapped.memory_map.show = "html"
    map_memory(mapped)
    page = (folder / "map.html").read_text(encoding="utf-8")
    assert "lives in" in page and (folder / FILE).stat().st_mtime_ns == before
    mapped.memory_map.show = "pdf"
    with pytest.raises(UserError, match=r"memory_map\.show=pdf"):
        map_memory(mapped)


def test_texts_with_markup_are_told_as_they_are(
    mapped: DictConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = [{"before": "see [/bold]", "span": "[red]", "score": 1.0}]
    monkeypatch.setattr(stage, "read_spans", lambda *_: odd)
    shutil.rmtree(run_folder(mapped) / "memory_map")
    map_memory(mapped)
    assert "…see [/bold] [red]" in capsys.readouterr().out


def test_a_reference_from_elsewhere_is_part_of_what_the_map_was_made_from(
    mapped: DictConfig,
) -> None:
    other = run_folder(mapped) / "arms" / "core"
    scorer = {"_target_": "forgetting.memory_map.reference_gap.ReferenceGap", "path": str(other)}
    OmegaConf.update(mapped, "memory_map.scorer", scorer, merge=False)
    mapped.overwrite = True
    map_memory(mapped)
    mapped.overwrite = False
    map_memory(mapped)  # done already
    (other / "model.safetensors").write_bytes(b"another model")
    with pytest.raises(UserError, match=r"model\.safetensors: [0-9a-f]+ → "):
        map_memory(mapped)


def test_folds_of_the_corpus_reach_the_scorer(mapped: DictConfig) -> None:
    run = run_folder(mapped)
    arms = [str(run / "arms" / name) for name in ("deduplicated", "core")]
    scorer = {"_target_": "forgetting.memory_map.out_of_fold.OutOfFold", "paths": arms}
    OmegaConf.update(mapped, "memory_map.scorer", scorer, merge=False)
    mapped.overwrite = True
    with pytest.raises(UserError, match="a corpus of 0 folds"):
        map_memory(mapped)
    rows = PackedCorpus.of(mapped).rows()
    (run / "corpus" / "folds.json").write_text(json.dumps(fold_of_rows(rows, 2)))
    map_memory(mapped)
    assert MemoryMap.load(run / "memory_map").score_ST.any()


def test_a_map_in_shards_goes_on_where_it_was(
    mapped: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, write = run_folder(mapped) / "memory_map", stage.write_shard
    whole = MemoryMap.load(folder)
    mapped.memory_map.shard_tokens, mapped.overwrite = 48 * 5, True
    calls: list[Path] = []

    def interrupted(to: Path, *args: object, **more: object) -> None:
        calls.append(to)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write(to, *args, **more)

    monkeypatch.setattr(stage, "write_shard", interrupted)
    with pytest.raises(KeyboardInterrupt):
        map_memory(mapped)
    map_memory(mapped)
    count = -(-len(whole.score_ST) // 5)
    assert len(calls) == count + 1 and calls[3] == calls[2], "two were there"
    found = MemoryMap.load(folder)
    assert not (folder / stage.SHARDS).exists()
    torch.testing.assert_close(
        found.teacher_logprob_ST, whole.teacher_logprob_ST, rtol=0.01, atol=0.01
    )
    assert found.flagged_ST.any() and found.score_ST.shape == whole.score_ST.shape
    spans = json.loads((folder / "spans.json").read_text())
    assert len({(span["before"], span["span"]) for span in spans}) == len(spans)
    mapped.memory_map.shard_tokens = 0
    with pytest.raises(UserError, match="shard_tokens must be 1 or more"):
        map_memory(mapped)


def test_a_map_without_a_reference_serves_those_that_need_none(mapped: DictConfig) -> None:
    run = run_folder(mapped)
    mapped.overwrite, mapped.memory_map.reference = True, None
    with pytest.raises(UserError, match=r"exposure needs a reference: choose memory_map.reference"):
        map_memory(mapped)
    mapped.memory_map.scorer.scorers.exposure = None  # left out
    map_memory(mapped)
    found = MemoryMap.load(run / "memory_map")
    assert found.flagged_ST.any() and not found.has_reference
    with pytest.raises(UserError, match=r"counterfactual_target teaches what a reference says"):
        distill(mapped)
    mapped.forgetting = {"undial": {"_target_": "forgetting.undial.Undial"}}
    distill(mapped)
