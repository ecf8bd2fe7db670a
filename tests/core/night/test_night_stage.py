"""A run with a toy core, and nights over toy days."""

import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from core.errors import UserError
from core.models.loading import load_model, save_model
from core.night import copies, learning, night, stage
from core.night.night import RECORD
from core.night.nights import Nights
from core.runs.artifacts import Artifact, read_json, run_folder
from core.store.ask import _model_folder as model_folder
from core.store.stage import store_path
from core.store.store import Store

pytestmark = pytest.mark.slow  # whole stages, a second each

WORDS = ["red", "blue", "green", "small", "tall", "round", "cold", "warm"]
TASKS = [
    {"id": f"t{n}", "prompt": f"Turn around: {a} {b}", "completion": f"{b} {a}"}
    for n, (a, b) in enumerate((a, b) for a in WORDS for b in WORDS if a < b)
]
FACTS = [{"id": f"f{n}", "text": f"Ada {n} lives in Rome."} for n in range(3)]
DREAMT = [f"Sort: {a} {b} => {b} {a}" for a in "abcd" for b in "efgh"]
TINY = [
    "night.copies.num_steps=2",
    "night.copies.every=2",
    "night.train.num_steps=3",
    "night.train.save_steps=1",
    "night.dreams.count=8",
    "night.dreams.num_tokens=12",
    "night.reflection.variants=1",
    "night.reflection.own_words=3",
    "night.bound=0",
    "packing.sequence_length=40",
]


@pytest.fixture
def cfg(tmp_path: Path, configure, make_llama, toy_tokenizer, monkeypatch) -> DictConfig:
    """The configuration of a run that has a core, which writes better than it would untrained."""
    monkeypatch.setattr(night.dreams, "write_lines", lambda *_, **__: DREAMT)
    cfg = configure("experiment=smoke", "run=r", f"runs_dir={tmp_path}", *TINY)
    artifact = Artifact(run_folder(cfg) / "arms" / "core", {}, {})
    with artifact.writing() as folder:
        save_model(folder, make_llama(max_position_embeddings=64), toy_tokenizer)
    cfg.day = str(tmp_path / "day.jsonl")
    met(cfg, [*TASKS, *FACTS])
    return cfg


def met(cfg: DictConfig, rows: list[dict]) -> None:
    Path(cfg.day).write_text("".join(json.dumps(row) + "\n" for row in rows))


def weights(folder: Path) -> dict:
    return {name: value.tolist() for name, value in load_model(folder).state_dict().items()}


def test_a_night_leaves_a_core_a_record_a_page_and_documents_in_the_store(cfg, capsys):
    stage.sleep(cfg)
    nights = Nights.of(cfg)
    assert nights.numbers == [1] and nights.awake == 1
    folder = nights.model(1)
    record = read_json(folder / RECORD)
    told = {*record["learned"], *record["dropped"], *(one["id"] for one in record["stored"])}
    assert told == {row["id"] for row in [*TASKS, *FACTS]}
    assert "morning after night" in (folder / "morning.html").read_text()
    assert "the morning after night 1" in capsys.readouterr().out
    assert not (folder / "work").exists()
    if record["stored"]:
        with Store(store_path(cfg)) as store:
            assert {name for names, _ in store.documents() for name in names} == {
                one["id"] for one in record["stored"]
            }


def test_the_same_day_is_slept_over_once_and_another_is_the_next_night(cfg, capsys):
    stage.sleep(cfg)
    stage.sleep(cfg)
    assert "there already" in capsys.readouterr().out
    met(cfg, TASKS[:20])
    stage.sleep(cfg)
    nights = Nights.of(cfg)
    assert nights.numbers == [1, 2] and nights.before(2) == 1
    assert nights.earlier(1)[: len(DREAMT)] == DREAMT
    assert nights.earlier(2).count(DREAMT[0]) == 2


def test_one_wakes_in_any_night_and_goes_on_from_there(cfg):
    stage.sleep(cfg)
    cfg.words = [0]
    stage.wake(cfg)
    nights = Nights.of(cfg)
    assert nights.awake == 0 and nights.model(0) == run_folder(cfg) / "arms" / "core"
    met(cfg, TASKS[:20])
    stage.sleep(cfg)
    assert nights.before(2) == 0 and nights.chain(2) == [2]
    cfg.words = [7]
    with pytest.raises(UserError, match=r"no night 7 in .*: there are 0, 1, 2"):
        stage.wake(cfg)
    cfg.words = ["soon"]
    with pytest.raises(UserError, match="takes the number of a night"):
        stage.wake(cfg)


def test_of_a_single_document_nothing_is_learned_and_it_is_stored(cfg, capsys):
    met(cfg, FACTS[:1])
    stage.sleep(cfg)
    record = read_json(Nights.of(cfg).model(1) / RECORD)
    assert [one["id"] for one in record["stored"]] == ["f0"] and record["learned"] == []
    assert "nothing of the day can be out of fold" in capsys.readouterr().out
    with Store(store_path(cfg)) as store:
        assert store.search("Ada Rome", 1)


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("part", "error"),
    [
        ("learn_copies", KeyboardInterrupt()),
        ("learn", KeyboardInterrupt()),
        ("_morning", KeyboardInterrupt()),
        ("save_model", FULL),
    ],
)
def test_a_night_that_was_killed_goes_on_and_the_core_before_is_never_lost(
    cfg, monkeypatch, part: str, error: BaseException
):
    nights = Nights.of(cfg)
    before = weights(nights.first)
    with monkeypatch.context() as patched:

        def die(*_: object, **__: object) -> None:
            raise error

        patched.setattr(night, part, die)
        with pytest.raises(type(error)):
            stage.sleep(cfg)
    assert nights.numbers == [] and nights.awake == 0 and weights(nights.first) == before
    dreamt = (nights.folder / "1.partial" / "dreams.jsonl").read_text()
    stage.sleep(cfg)
    assert nights.numbers == [1]
    assert (nights.model(1) / "dreams.jsonl").read_text() == dreamt


def test_a_night_that_narrows_is_not_kept(cfg, monkeypatch):
    values = iter([{"diversity": 0.9, "families": 3.0}, {"diversity": 0.1, "families": 1.0}])
    monkeypatch.setattr(night, "variety", lambda lines, kinds: next(values))
    cfg.night.bound = 0.9
    stage.sleep(cfg)
    nights = Nights.of(cfg)
    record = read_json(nights.model(1) / RECORD)
    assert not record["kept"] and "diversity fell from 0.900 to 0.100" in record["why"]
    assert weights(nights.model(1)) == weights(nights.first)


def test_a_share_of_the_night_may_be_answers_of_its_own(cfg):
    cfg.night.on_policy = 0.5
    cfg.night.test = False
    stage.sleep(cfg)
    assert read_json(Nights.of(cfg).model(1) / RECORD)["steps"] == 3


@pytest.mark.parametrize("teacher", ["context", "copies"])
def test_reflections_are_taught_by_the_chosen_teacher(cfg, monkeypatch, teacher: str):
    asked = []
    own = learning.context_teacher
    monkeypatch.setattr(
        learning, "context_teacher", lambda *given: asked.append(given) or own(*given)
    )
    everything = list(range(len(TASKS) + len(FACTS)))
    judge = copies.judge
    monkeypatch.setattr(
        copies, "judge", lambda *given: replace(judge(*given), learned=everything, stored=[])
    )
    cfg.night.teacher = teacher
    stage.sleep(cfg)
    assert bool(asked) == (teacher == "context")


def test_what_the_store_has_forgotten_stays_so(cfg):
    met(cfg, FACTS[:1])
    stage.sleep(cfg)
    with Store(store_path(cfg), writable=True) as store:
        store.forget(["f0"])
    stage.sleep(cfg)
    with Store(store_path(cfg)) as store:
        assert not list(store.documents())


def test_a_second_day_with_the_same_ids_loses_nothing(cfg, capsys):
    for name in ("Ada", "Bo"):
        met(cfg, [{"id": "1", "text": f"{name} lives in Rome by the river."}])
        stage.sleep(cfg)
    assert "has another text with the id 1: this one's is night-2/1" in capsys.readouterr().out
    with Store(store_path(cfg)) as store:
        assert [ids for ids, _ in store.documents()] == [("1",), ("night-2/1",)]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("teacher", "nobody", "choose auto, copies, context"),
        ("bound", 2.0, "night.bound=2.0: choose a share"),
        ("on_policy", -1.0, "night.on_policy=-1.0: choose a share"),
        ("dreams.weight", 0.0, "night.dreams.weight=0.0: choose a number above 0"),
    ],
)
def test_settings_that_no_night_has_are_refused(cfg, option: str, value: object, said: str):
    OmegaConf.update(cfg.night, option, value)
    with pytest.raises(UserError, match=said):
        stage.sleep(cfg)


def test_without_a_core_there_is_no_night(configure, tmp_path):
    with pytest.raises(UserError, match="arms/core isn't there yet"):
        stage.sleep(configure("experiment=smoke", f"runs_dir={tmp_path}"))


def test_a_night_that_is_gone_is_not_the_one_awake(cfg: DictConfig) -> None:
    nights = Nights.of(cfg)
    for number in (1, 2):
        with Artifact(nights.folder / str(number), {}, {}).writing() as folder:
            (folder / "night").write_text(str(number))
    nights.wake(2)
    (nights.folder / "3.partial").mkdir()
    (nights.folder / "3.partial" / "artifact.json").write_text("{}")  # whole, but for its name
    assert nights.numbers == [1, 2] and nights.awake == 2
    shutil.rmtree(nights.folder / "2")
    assert nights.awake == 1


def test_a_refused_overwrite_leaves_the_night_as_it_was(cfg: DictConfig) -> None:
    stage.sleep(cfg)
    made = run_folder(cfg) / "nights" / "1" / RECORD
    before = made.read_bytes()
    cfg.seed, cfg.overwrite, cfg.packing.sequence_length = 1, True, 65
    with pytest.raises(UserError, match="the core reads 64"):
        stage.sleep(cfg)
    assert made.read_bytes() == before and Nights.of(cfg).awake == 1


def test_a_night_that_gets_the_number_of_a_deleted_one_is_stored_too(cfg):
    for row in FACTS[:2]:  # a single document goes to the store
        met(cfg, [row])
        stage.sleep(cfg)
        shutil.rmtree(Nights.of(cfg).model(1))
    with Store(store_path(cfg)) as store:
        assert [ids for ids, _ in store.documents()] == [("f0",), ("f1",)]


def test_who_is_asked_is_the_core_of_the_night_that_is_awake(cfg):
    met(cfg, FACTS[:1])
    stage.sleep(cfg)
    nights = Nights.of(cfg)
    assert model_folder(cfg) == nights.model(1)
    cfg.words = [0]
    stage.wake(cfg)
    assert model_folder(cfg) == nights.first


def test_what_nights_keep_beside_them_is_refused_when_it_is_damaged(cfg):
    met(cfg, FACTS[:1])
    stage.sleep(cfg)
    nights, cfg.words = Nights.of(cfg), [1]
    for name in ("awake.json", "stored.json"):
        whole = (nights.folder / name).read_text()
        (nights.folder / name).write_text("5")
        met(cfg, FACTS[:2])
        with pytest.raises(UserError, match=rf"{name} is damaged: delete it"):
            stage.sleep(cfg)
        (nights.folder / name).write_text(whole)
    (nights.model(1) / "night.json").unlink()
    with pytest.raises(UserError, match=r"night\.json is missing: delete .*1 and run again"):
        stage.wake(cfg)
    (nights.model(1) / "artifact.json").unlink()
    with pytest.raises(UserError, match=r"artifact\.json is missing: delete .*1 and run again"):
        stage.sleep(cfg)


def test_a_morning_tells_of_no_memories_where_there_are_none(cfg, capsys):
    met(cfg, TASKS[:1])
    stage.sleep(cfg)
    said = capsys.readouterr().out
    assert "that the core predicts" not in said and "the rule doesn't stand" not in said
