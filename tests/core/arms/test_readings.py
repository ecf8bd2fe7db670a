"""Readings of strangers from a cache: what the live teacher would say, and no other than was asked for."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from safetensors.torch import load_file

from core.arms import cache
from core.arms.cache import cache_signal
from core.arms.distill import distill
from core.arms.readings import readings_by_arm, readings_of_run
from core.arms.teach import run_teacher, teach
from core.cli.forecast import _readings
from core.cli.run import plan
from core.config.build import build
from core.corpus.rows import Row
from core.corpus.stage import PackedCorpus, build_corpus
from core.errors import UserError
from core.models.loading import load_model
from core.models.taught import taught_labels
from core.runs.artifacts import run_folder
from core.signal.cached import FILE, CachedTeacher, taught_per_sequence
from core.signal.codec import Codec
from core.signal.live import LiveTeacher
from core.signal.readings import FOLDER, shards_of
from core.signal.signal import TeacherSignal, TopK
from core.training.readings import DrawnReadings
from forgetting.stranger import Stranger
from tests.conftest import CITIES, NAMES

SETTINGS = [
    *("run=it", "corpus=jsonl", "packing.vocab_size=320", "packing.sequence_length=48", "seed=3"),
    *("teacher.model.hidden_size=32", "teacher.model.num_hidden_layers=1"),
    *("teacher.model.intermediate_size=64", "teacher.train.num_steps=400", "student=from_teacher"),
    *("distill.train.num_steps=200", "distill.train.batch_size=3", "distill.label_weight=0"),
    *("cache.shard_sequences=5", "cache.num_readings=3", "distill.signal=cached"),
    *("forgetting=[stranger]", "arms=[plain,core]", "memory_map.reference=null", "watch.every=0"),
]

Configure = Callable[..., DictConfig]


@pytest.fixture(scope="module")
def cached(rows: list[Row], configure: Configure, tmp_path_factory) -> DictConfig:
    """A run with its cache: to be read, never written."""
    folder = tmp_path_factory.mktemp("readings")
    (folder / "C.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    cfg = configure(*SETTINGS, f"corpus.path={folder / 'C.jsonl'}", f"runs_dir={folder}")
    build_corpus(cfg)
    teach(cfg)
    cache_signal(cfg)
    return cfg


@pytest.fixture
def cfg(cached: DictConfig, tmp_path: Path) -> DictConfig:
    """A copy of it, without the cache."""
    own = cached.copy()
    own.runs_dir = str(tmp_path / "runs")
    shutil.copytree(run_folder(cached), run_folder(own))
    shutil.rmtree(run_folder(own) / FOLDER)
    return own


def written(cfg: DictConfig) -> dict[str, dict[str, torch.Tensor]]:
    folder = run_folder(cfg) / FOLDER
    files = sorted(folder.rglob(FILE))
    return {str(path.parent.relative_to(folder)): load_file(path) for path in files}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@torch.no_grad()
def recall(cfg: DictConfig, arm: str) -> float:
    """The share of the people whose city a model says greedily."""
    model = load_model((run_folder(cfg) / "arms" / arm).resolve())
    tokenizer, told = PackedCorpus.of(cfg).tokenizer, []
    for name, city in zip(NAMES, CITIES, strict=True):
        prompt_T, text_T = (
            torch.tensor(tokenizer(text)["input_ids"])
            for text in (f"{name} lives in", f"{name} lives in {city}")
        )
        said_T = model(text_T[None]).logits[0, len(prompt_T) - 1 : -1].argmax(-1)
        told.append(bool((said_T == text_T[len(prompt_T) :]).all()))
    return sum(told) / len(told)


def of_core(cfg: DictConfig) -> CachedTeacher:
    return CachedTeacher.of(cfg, readings_by_arm(cfg)["core"])


def batch_of(cfg: DictConfig, indices: range, reading: int) -> dict[str, torch.Tensor]:
    batch = PackedCorpus.of(cfg).sequences().with_format("torch")[list(indices)]
    return {**batch, "reading": torch.full_like(batch["index"], reading)}


@pytest.mark.parametrize("reading", [0, 2])
def test_a_reading_is_what_the_live_teacher_says_of_strangers(
    cached: DictConfig, reading: int
) -> None:
    corpus = PackedCorpus.of(cached)
    stranger: Stranger = build(cached.forgetting.stranger)
    stranger.read_corpus(corpus.sequences(), corpus.tokenizer)
    shards = shards_of(cached, len(corpus.sequences()), readings_by_arm(cached)["core"])
    shard = shards[reading * len(shards) // 3 + 1]
    batch = batch_of(cached, shard.sequences, reading)
    read = stranger.edit_teacher_batch(batch, None, torch.Generator().manual_seed(shard.seed))
    assert (read["input_ids"] != batch["input_ids"]).any()
    ones_N = torch.ones(len(taught_labels(batch["labels"])))
    target = LiveTeacher(run_teacher(cached, corpus)).distributions(read)
    signal = TeacherSignal(target, ones_N, ones_N)
    live = stranger.edit_signal(signal, batch, None, torch.Generator())
    codec, told = Codec(50, 320), of_core(cached)
    wanted = codec.decode(codec.encode(TopK.of(live.target.rows(slice(None)), 50)))
    kept = told.distributions(batch).kept
    assert torch.equal(kept.indices_NK, wanted.indices_NK)
    torch.testing.assert_close(kept.logprobs_NK, wanted.logprobs_NK)
    weight_N = told.label_weights(batch)
    assert torch.equal(weight_N.float(), live.label_weight_N)
    assert 0 < weight_N.float().mean() < 1, "labels are silent behind names"


def test_each_arm_has_its_own_and_the_plain_one_is_as_ever(
    cached: DictConfig, cfg: DictConfig
) -> None:
    found = written(cached)
    folders = {name.rpartition("shard-")[0] for name in found}
    assert folders == {"", "core/reading-0/", "core/reading-1/", "core/reading-2/"}
    first, second = (found[f"core/reading-{n}/shard-00000"]["rows"] for n in range(2))
    assert not torch.equal(first, second)
    cfg.forgetting = {}
    cache_signal(cfg)
    plain = written(cfg)
    assert plain.keys() == {name for name in found if not name.startswith("core")}
    assert all(same(plain[name], found[name]) and "rows" in found[name] for name in plain)


def test_a_half_written_cache_goes_on_in_any_order(
    cached: DictConfig, cfg: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Second:
        process_index, num_processes, device = 1, 2, torch.device("cpu")

    monkeypatch.setattr(cache.processes, "state", Second)
    cache_signal(cfg)
    assert 0 < len(written(cfg)) < len(written(cached))
    with pytest.raises(UserError, match="isn't there yet: run `winnow cache` first"):
        of_core(cfg)
    monkeypatch.undo()
    cache_signal(cfg)
    ours, theirs = written(cfg), written(cached)
    assert ours.keys() == theirs.keys() and all(same(ours[name], theirs[name]) for name in ours)


def test_every_reading_is_announced(cfg: DictConfig, capsys: pytest.CaptureFixture[str]) -> None:
    cache_signal(cfg)
    told = capsys.readouterr().out
    taught = taught_per_sequence(PackedCorpus.of(cfg).sequences().with_format("torch")[:]["labels"])
    assert f"about {4 * int(taught.sum()):,} tokens" in told, "one plain, three of strangers"
    assert "names_renamed 0." in told or "names_renamed 1." in told
    assert _readings(cfg) == 4


def test_a_core_learns_from_them_without_the_teacher(
    cached: DictConfig, cfg: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(run_folder(cached) / FOLDER, run_folder(cfg) / FOLDER)
    monkeypatch.setattr("core.arms.distill.run_teacher", None)
    monkeypatch.setattr(Stranger, "read_corpus", None)  # nor is anything renamed again
    cfg.student.start, cfg.distill.train.num_steps = "fresh", 3
    cfg.distill.train.log_steps = 1
    distill(cfg)
    core = run_folder(cfg) / "arms" / "core"
    logged = [json.loads(line) for line in (core / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in logged] == [1, 2, 3] and all(row["loss"] > 0 for row in logged)
    load_model(core)


@pytest.mark.slow
def test_it_forgets_as_from_the_live_teacher(cached: DictConfig, cfg: DictConfig) -> None:
    shutil.copytree(run_folder(cached) / FOLDER, run_folder(cfg) / FOLDER)
    for cfg.arm in ("plain", "core"):
        distill(cfg)
    assert recall(cfg, "plain") == recall(cfg, "../teacher") == 1.0
    assert recall(cfg, "core") < 0.3
    shutil.rmtree(run_folder(cfg) / "arms" / "core")
    cfg.distill.signal = "live"
    distill(cfg)
    assert recall(cfg, "core") < 0.3


def test_a_step_draws_a_reading_for_each_sequence(cached: DictConfig) -> None:
    readings, batch = DrawnReadings(of_core(cached)), batch_of(cached, range(12), 0)

    def drawn(seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        return readings.edit_teacher_batch(batch, None, generator)["reading"].tolist()

    assert drawn(1) == drawn(1) != drawn(2) and set(drawn(1)) == {0, 1, 2}
    ones_N = torch.ones(len(taught_labels(batch["labels"])))
    signal = readings.edit_signal(TeacherSignal(None, ones_N, ones_N), batch, None, None)
    weights = {n: readings.teacher.label_weights(batch_of(cached, range(12), n)) for n in range(3)}
    counts = taught_per_sequence(batch["labels"]).tolist()
    wanted = [weights[n].split(counts)[i] for i, n in enumerate(drawn(2))]
    assert torch.equal(signal.label_weight_N, torch.cat(wanted).float())


def test_strength_zero_is_plain_distillation_bit_for_bit(cfg: DictConfig) -> None:
    cfg.forgetting.stranger.strength, cfg.distill.train.num_steps = 0.0, 3
    assert [one.name for one in readings_of_run(cfg)] == [""]
    cache_signal(cfg)
    for cfg.arm in ("plain", "core"):
        distill(cfg)
    arms = run_folder(cfg) / "arms"
    plain, core = (load_file(arms / arm / "model.safetensors") for arm in ("plain", "core"))
    assert same(plain, core)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"forgetting": {"stranger": {"strength": 0.5}}},
            "forgetting.stranger.strength: 1.0 → 0.5",
        ),
        ({"forgetting": {"stranger": {"names": "free"}}}, "names: capitalized → free"),
        ({"forgetting": {"stranger": {"candidates": "typed"}}}, "candidates: any → typed"),
        ({"cache": {"num_readings": 2}}, "num_readings: 3 → 2"),
        ({"seed": 4}, "seed: 3 → 4"),
    ],
)
def test_other_readings_are_refused(cached: DictConfig, change: dict, told: str) -> None:
    other = cached.copy()
    other.merge_with(change)
    with pytest.raises(UserError, match=rf"shard-00000 was made from another conf.*{told}"):
        of_core(other)


def test_plain_ones_are_not_taken_for_strangers_nor_these_for_plain(cfg: DictConfig) -> None:
    with_stranger = cfg.copy()
    cfg.forgetting, cfg.arms = {}, {"core": cfg.arms.core}
    cache_signal(cfg)
    with pytest.raises(UserError, match=r"core/reading-0/shard-00000 isn't there yet"):
        distill(with_stranger)
    shutil.rmtree(run_folder(cfg) / FOLDER)
    with_stranger.arms = cfg.arms
    cache_signal(with_stranger)
    with pytest.raises(UserError, match=r"teacher_cache/shard-00000 isn't there yet"):
        distill(cfg)


def test_arms_share_what_is_alike(cached: DictConfig) -> None:
    weak = {**cached.arms.core, "regularizers": {"stranger": {"strength": 0.5}}}
    other = cached.copy()
    other.arms = {**cached.arms, "again": cached.arms.core, "weak": weak}
    names = {arm: readings.name for arm, readings in readings_by_arm(other).items()}
    assert names == {"plain": "", "core": "core", "again": "core", "weak": "weak"}


def test_a_run_makes_all_before_its_arms(cached: DictConfig) -> None:
    jobs = {job.name: job for job in plan(cached)}
    assert jobs["cache"].needs == ("teacher",)
    assert all("cache" in jobs[arm].needs for arm in ("plain", "core"))


def test_what_the_teacher_reads_by_the_map_or_the_student_needs_it_live(
    cfg: DictConfig, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = configure("forgetting=[cut_context]").forgetting
    stranger, cfg.forgetting = cfg.forgetting, cut
    with pytest.raises(
        UserError, match=r"cut_context lets the teacher .*: add distill.signal=live"
    ):
        cache_signal(cfg)
    cfg.forgetting = stranger
    monkeypatch.setattr(Stranger, "penalty", lambda self, signal: None)
    with pytest.raises(UserError, match=r"stranger lets the teacher .*: add distill.signal=live"):
        distill(cfg)
