"""What is cached is what the teacher says; a run of the cache goes on where it was."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from core.arms import cache
from core.arms.cache import cache_signal
from core.arms.distill import distill
from core.arms.teach import run_teacher, teach
from core.corpus.rows import Row
from core.corpus.stage import PackedCorpus, build_corpus
from core.errors import UserError
from core.runs.artifacts import run_folder
from core.signal.cached import FILE, CachedTeacher
from core.signal.divergence import forward_kl
from core.signal.live import LiveTeacher
from core.signal.readings import FOLDER, Readings, shards_of

SETTINGS = [
    *("run=it", "corpus=jsonl", "packing.vocab_size=320", "packing.sequence_length=48"),
    *("teacher.model.hidden_size=32", "teacher.model.num_hidden_layers=1"),
    *("teacher.model.intermediate_size=64", "teacher.train.num_steps=3", "arm=plain"),
    *("distill.train.num_steps=3", "distill.train.batch_size=3", "distill.signal=cached"),
    *("cache.shard_sequences=5", "student=fresh", "forgetting=[]"),
]


@pytest.fixture(scope="module")
def taught(rows: list[Row], configure, tmp_path_factory: pytest.TempPathFactory) -> DictConfig:
    folder = tmp_path_factory.mktemp("cached")
    (folder / "C.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    cfg = configure(*SETTINGS, f"corpus.path={folder / 'C.jsonl'}", f"runs_dir={folder}")
    build_corpus(cfg)
    teach(cfg)
    return cfg


@pytest.fixture
def cfg(taught: DictConfig, tmp_path: Path) -> DictConfig:
    own = taught.copy()
    own.runs_dir = str(tmp_path / "runs")
    shutil.copytree(taught.runs_dir, own.runs_dir)
    return own


def shards(cfg: DictConfig) -> list[Path]:
    return sorted((run_folder(cfg) / FOLDER).glob("shard-*"))


def batch_of(cfg: DictConfig, indices: list[int]) -> dict[str, torch.Tensor]:
    return PackedCorpus.of(cfg).sequences().with_format("torch")[indices]


def test_it_says_what_the_teacher_says(cfg: DictConfig) -> None:
    cache_signal(cfg)
    assert len(shards(cfg)) > 1
    last = len(PackedCorpus.of(cfg).sequences()) - 1
    batch = batch_of(cfg, [last, 0, 7])  # of several shards
    live = LiveTeacher(run_teacher(cfg, PackedCorpus.of(cfg))).distributions(batch)
    told = CachedTeacher.of(cfg).distributions(batch)
    every = slice(None)
    assert told.rows(every).shape == live.rows(every).shape
    lost_N, _ = forward_kl(told.rows(every), live.rows(every))
    assert lost_N.max() < 0.1, "what is beyond the fifty likeliest of 320 is even"
    likeliest = live.rows(every).topk(50).indices.sort(-1).values
    assert torch.equal(told.kept.indices_NK, likeliest)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_teacher_reads_in_the_precision_of_training(cfg: DictConfig, precision: str) -> None:
    cfg.training.precision = precision
    cache_signal(cfg)
    batch, every = batch_of(cfg, [0, 1, 2, 3, 4]), slice(None)
    told = CachedTeacher.of(cfg).distributions(batch).rows(every)
    teacher = LiveTeacher(run_teacher(cfg, PackedCorpus.of(cfg)))
    likeliest = {}
    for reduced in (False, True):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            said = teacher.distributions(batch).rows(every)
        apart = (said.exp().max(-1).values - told.exp().max(-1).values).abs()
        likeliest["bfloat16" if reduced else "float32"] = float(apart.mean())
    assert min(likeliest, key=likeliest.__getitem__) == precision, likeliest


def test_the_size_and_the_time_are_told_before(cfg: DictConfig, capsys) -> None:
    cache_signal(cfg)
    before, _, after = capsys.readouterr().out.partition("about a second")
    assert "tokens × 71 bytes: under a megabyte" in before and "71 bytes a token" in after


def test_what_is_there_is_not_written_again(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = cache.EditedTeacher.says
    calls: list[int] = []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 3:  # one measures the time, one is the first shard
            raise KeyboardInterrupt
        return says(*args)

    monkeypatch.setattr(cache.EditedTeacher, "says", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache_signal(cfg)
    [first] = [path for path in shards(cfg) if path.suffix != ".partial"]
    written = (first / FILE).stat().st_mtime_ns
    with pytest.raises(UserError, match=r"shard-00001 isn't there yet: run `winnow cache`"):
        CachedTeacher.of(cfg)
    monkeypatch.setattr(cache.EditedTeacher, "says", says)
    cache_signal(cfg)
    assert (first / FILE).stat().st_mtime_ns == written
    CachedTeacher.of(cfg)
    monkeypatch.setattr(cache, "run_teacher", None)
    cache_signal(cfg)  # nothing is left to do


def test_processes_share_the_shards(cfg: DictConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    class Second:
        process_index, num_processes, device = 1, 2, torch.device("cpu")

    monkeypatch.setattr(cache.processes, "state", Second)
    cache_signal(cfg)
    count = len(shards_of(cfg, len(PackedCorpus.of(cfg).sequences()), Readings()))
    assert [path.name for path in shards(cfg)] == [f"shard-{n:05d}" for n in range(1, count, 2)]
    monkeypatch.undo()
    cache_signal(cfg)
    assert len(shards(cfg)) == count


def test_a_student_learns_from_it_without_the_teacher(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_signal(cfg)
    monkeypatch.setattr("core.arms.distill.run_teacher", None)
    distill(cfg)
    rows = [json.loads(line) for line in (run_folder(cfg) / "arms/plain/metrics.jsonl").open()]
    cfg.distill.signal, cfg.arm, cfg.run = "live", "plain", "other"
    monkeypatch.undo()
    shutil.copytree(Path(cfg.runs_dir) / "it", run_folder(cfg))
    shutil.rmtree(run_folder(cfg) / "arms")
    distill(cfg)
    live = [json.loads(line) for line in (run_folder(cfg) / "arms/plain/metrics.jsonl").open()]
    assert rows[-1]["loss"] == pytest.approx(live[-1]["loss"], rel=0.02)
    assert rows[-1]["loss"] != live[-1]["loss"]


def test_only_so_many_sequences_are_cached_and_read(cfg: DictConfig) -> None:
    cfg.cache.num_sequences = 7
    cache_signal(cfg)
    teacher = CachedTeacher.of(cfg)
    assert teacher.num_sequences == 7 and len(shards(cfg)) == 2
    distill(cfg)


@pytest.mark.parametrize("harm", ["truncated", "altered"])
def test_a_damaged_shard_is_refused(cfg: DictConfig, harm: str) -> None:
    cache_signal(cfg)
    path = shards(cfg)[0] / FILE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content[:-9] if harm == "truncated" else content)
    with pytest.raises(UserError, match=r"shard-00000/signal.safetensors is altered or truncated"):
        CachedTeacher.of(cfg).distributions(batch_of(cfg, [0]))


def test_a_cache_of_another_corpus_is_refused(cfg: DictConfig) -> None:
    cache_signal(cfg)
    before = PackedCorpus.of(cfg).fingerprint
    cfg.packing.sequence_length, cfg.overwrite = 40, True
    build_corpus(cfg)
    teach(cfg)
    with pytest.raises(UserError, match=rf"shard-00000 was made .*inputs.corpus: {before} → "):
        CachedTeacher.of(cfg)


def test_a_full_disk_is_told_before_the_work(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil._ntuple_diskusage(100, 99, 1)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"the cache will take 0.0 GB and .* has 0.0 GB left"):
        cache_signal(cfg)
    assert not shards(cfg)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ({"temperature": 2.0}, "what is cached is at 1; add distill.signal=live"),
        ({"signal": "cashed"}, "no such signal; did you mean 'cached'"),
    ],
)
def test_what_a_cache_cannot_do_is_refused(
    cfg: DictConfig, override: dict[str, object], told: str
) -> None:
    cfg.distill.update(override)
    with pytest.raises(UserError, match=told):
        distill(cfg)


@pytest.mark.parametrize("name", ["top_k", "shard_sequences"])
def test_sizes_of_nothing_are_refused(cfg: DictConfig, name: str) -> None:
    cfg.cache[name] = 0
    with pytest.raises(UserError, match="must be 1 or more"):
        cache_signal(cfg)
