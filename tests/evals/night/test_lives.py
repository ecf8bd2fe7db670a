"""Lives of a toy core through the one day of a small world."""

from pathlib import Path

import pytest
from omegaconf import DictConfig
from transformers import LlamaConfig

from core.corpus.stage import PackedCorpus, build_corpus
from core.errors import UserError
from core.models.loading import load_model, new_model, save_model
from core.night.night import WORK
from core.night.settings import LIVES
from core.runs.artifacts import Artifact, read_json, run_folder
from core.worlds import days
from core.worlds.newcomers import NUM_TOLD
from evals.night import lives, measures, stage
from evals.night.lives import BASELINES, SLEEPS
from evals.night.records import records_of

TINY = [
    "corpus.num_days=1",
    "corpus.num_sheets=5",
    "night.dream_nights=1",
    "night.copies.num_steps=2",
    "night.copies.every=2",
    "night.train.num_steps=2",
    "night.dreams.count=4",
    "night.dreams.num_tokens=8",
    "night.reflection.variants=1",
    "night.reflection.own_words=3",
    "packing.vocab_size=500",
]


IN_ENGLISH = [
    *("corpus=smollm2", "corpus.texts=[]", "corpus.passages=[]", "corpus.questions=null"),
    *("corpus.pairs=null", "corpus.probes_per_family=2"),
    "night.days={_target_: core.worlds.days.EnglishDays}",
]


@pytest.fixture(scope="module")
def cfg(tmp_path_factory: pytest.TempPathFactory, configure) -> DictConfig:
    """A run with a corpus and a core that learned nothing."""
    return with_core(configure, tmp_path_factory.mktemp("runs"), TINY)


def with_core(configure, runs: Path, options: list[str]) -> DictConfig:
    cfg = configure("experiment=smoke", f"runs_dir={runs}", *options)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(days, "NUM_ITEMS", 24)
        build_corpus(cfg, lambda *_: None)
    tokenizer = PackedCorpus.of(cfg).tokenizer
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=0,
    )
    artifact = Artifact(run_folder(cfg) / "arms" / "core", {}, {})
    with artifact.writing() as folder:
        save_model(folder, new_model(config, 0), tokenizer)
    return cfg


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "NUM_ITEMS", 24)
    monkeypatch.setattr(stage, "NUM_ITEMS", 3)
    monkeypatch.setattr(measures, "NUM_PROBES", 4)


def lived(cfg: DictConfig, life: str) -> Path:
    one = cfg.copy()
    one.arm = life
    stage.live(one, lambda *_: None)
    return run_folder(cfg) / "lives" / life


@pytest.mark.slow
@pytest.mark.parametrize("life", ["sleep", "replay", "replace", "direct"])
def test_each_morning_of_a_life_is_measured(cfg, life: str):
    folder = lived(cfg, life)
    nights = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert nights == (["1", "2"] if life in stage.DREAMING else ["1"])
    found = read_json(folder / "1" / "measures.json")
    shares = ("new_skill", "facts_closed", "facts_control", "earlier_skills", "notes")
    assert all(0 <= found[name] <= 1 for name in shares)
    assert found["num_facts"] == 4 * NUM_TOLD
    assert load_model(folder / "1") is not None
    assert lived(cfg, life) == folder, "what is there is skipped"


@pytest.mark.slow
def test_a_day_in_english_has_two_skills_and_is_asked_what_the_core_could_do(configure, tmp_path):
    own = [*(line for line in TINY if not line.startswith("corpus.")), *IN_ENGLISH]
    cfg = with_core(configure, tmp_path, own)
    found = read_json(lived(cfg, "sleep") / "1" / "measures.json")
    assert found["families"] == ["record", "chart"] and {*found["new_skills"]} == {
        "record",
        "chart",
    }
    assert found["new_skill"] == sum(found["new_skills"].values()) / 2
    assert {"addition", "deduction", "fresh"} <= found["by_family"].keys()
    assert "true" not in found["by_family"] and found["corpus_facts"] == 0
    assert found["num_facts"] == 4 * NUM_TOLD


def test_records_are_made_of_all_lives(cfg):
    for life in ("sleep", "direct"):
        lived(cfg, life)
    found = [record for record in records_of([cfg]) if record["method"] == "sleep"]
    assert [record["night"] for record in found] == [1, 2]
    assert found[0]["new_skill_direct"] is not None and found[0]["tokens_of_day"] > 0
    assert found[1]["tokens_of_day"] == 0


def test_a_life_that_there_is_not_is_refused(cfg):
    with pytest.raises(UserError, match="no life 'slep'; did you mean 'sleep'"):
        lived(cfg, "slep")


def test_a_way_to_live_is_asked_for(cfg):
    with pytest.raises(UserError, match="add arm=WAY, of sleep, without_reflection"):
        stage.live(cfg, lambda *_: None)


def test_a_corpus_without_days_is_refused(configure, tmp_path):
    cfg = configure("experiment=smoke", f"runs_dir={tmp_path}", "arm=sleep")
    with pytest.raises(UserError, match=r"add corpus\.num_days=5"):
        stage.live(cfg)


def test_every_life_of_the_experiment_is_one_that_there_is(configure):
    assert {*configure("experiment=tiny/night").night.lives} == {*SLEEPS, *BASELINES}
    assert {*LIVES} == {*SLEEPS, *BASELINES}, "what a run checks before any work"


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_night_that_was_interrupted_tells_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    """What the processor did before it ended is known to nobody."""
    monkeypatch.setattr(lives, "pass_night", lambda *_: {"seconds": 1.0})
    if interrupted:
        (tmp_path / WORK).mkdir()
    met = lives.Met(given=None, replayed=[], items=[])  # type: ignore[arg-type]
    record = lives.live_night("sleep", met, tmp_path, lambda *_: None)
    assert (record["seconds"] is None) == interrupted
