"""What a run says of itself before it begins."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig

from core.arms import teach
from core.cli import forecast
from core.cli.pace import Pace, pace_of
from core.cli.pool import Job
from core.cli.run import run
from core.corpus import stage as corpus_stage
from core.errors import UserError
from core.judgement import stage as value_stage
from core.runs.artifacts import SCORE_FOLDERS
from core.signal import readings
from forgetting.memory_map import stage as map_stage

Configure = Callable[..., DictConfig]


@pytest.fixture(autouse=True)
def nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without runs: those of the checkout would count as done."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_a_plan_names_every_stage_and_begins_none(
    configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(configure("experiment=smoke", f"runs_dir={tmp_path}", "forecast.plan=true"))
    told = capsys.readouterr().out
    for stage in ("corpus", "teacher", "map", "core", "attack core", "eval never_exposed"):
        assert re.search(rf"^ *{stage} ", told, re.MULTILINE)
    assert "side by side: training, mapping and attacks take about" in told
    assert re.search(r"attack core +trains [1-9][\d,]* texts", told)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("chosen", "passes"),
    [
        ([], 3),  # the teacher, the reference, renamed texts
        (["memory_map=extraction"], 2),
        (["memory_map=extraction", "memory_map.reference=null"], 1),
    ],
)
def test_a_map_is_read_as_often_as_its_signs_need(
    configure: Configure, chosen: list[str], passes: int
) -> None:
    cfg = configure("experiment=smoke", "memory_map.num_sequences=10", *chosen)
    stage = forecast._stage(Job("map", "map", cfg), Pace(0.5, 1.0, 1.0, 1))
    assert stage.what.endswith("once" if passes == 1 else f"about {passes} times")
    assert stage.seconds == 10 * cfg.packing.sequence_length * passes * 0.5


def test_writing_takes_its_time_and_an_attack_that_trains_nothing_none(
    configure: Configure,
) -> None:
    pace = Pace(1.0, 1.0, 0.5, 1)
    written = configure(
        "corpus=written", "teacher=path", "teacher.path=T", "corpus.num_tokens=1000"
    )
    told = forecast._stage(Job("corpus", "corpus", written), pace)
    assert told.seconds == 0.5 * 1000 * (1 - written.corpus.exercises)
    assert forecast._stage(Job("corpus", "corpus", configure()), pace).seconds is None
    relearn = {"steps": [0, 10], "learning_rates": [1e-4, 1e-3], "batch_size": 4}
    quantized = configure("attack=[quantize]")
    assert forecast._stage(Job("attack core", "attack", quantized), pace).seconds == 0
    trained = configure(
        "attack=[relearn]", *(f"attack.relearn.{k}={v}" for k, v in relearn.items())
    )
    taught = forecast._stage(Job("attack core", "attack", trained), pace)
    assert taught.what == "trains 160 texts"  # true and false ones, at each rate


def test_what_is_there_takes_no_time(configure: Configure, tmp_path: Path) -> None:
    cfg = configure("experiment=smoke", f"runs_dir={tmp_path}", "arm=plain")
    job, pace = Job("plain", "distill", cfg), Pace(1.0, 1.0, 1.0, 1)
    assert forecast._stage(job, pace).seconds
    folder = tmp_path / cfg.run / "arms" / "plain"
    folder.mkdir(parents=True)
    (folder / "artifact.json").write_text("{}")
    assert forecast._stage(job, pace) == forecast.Stage("plain", "is there", 0.0)
    cfg.overwrite = True
    assert forecast._stage(job, pace).seconds


def test_stages_are_looked_for_where_they_are_left() -> None:
    named = {
        "corpus": corpus_stage.FOLDER,
        "teach": teach.FOLDER,
        "map": map_stage.FOLDER,
        "cache": readings.FOLDER,
        "value": f"{value_stage.FOLDER}/{{arm}}",
    }
    assert named.items() <= forecast.FOLDERS.items()
    scored = {forecast.FOLDERS[verb].partition("/")[0] for verb in ("eval", "attack")}
    assert scored <= set(SCORE_FOLDERS)


def test_a_life_takes_the_steps_of_its_nights_and_a_value_what_it_writes(
    configure: Configure,
) -> None:
    cfg = configure("experiment=tiny/night", "arm=sleep", "corpus.num_days=3")
    assert forecast._stage(Job("night sleep", "nights", cfg), Pace(1, 0, 0, 1)).seconds == 0
    told = forecast._stage(Job("night sleep", "nights", cfg), Pace(0, 1, 0, 1))
    steps = cfg.night.train.num_steps + 3 * cfg.night.copies.num_steps
    assert told.what == "lives through 3 days"
    assert told.seconds == 3 * steps * 8 * cfg.packing.sequence_length
    cfg = configure("experiment=pretrained_night", "teacher=smollm2", "arm=sleep")
    told = forecast._stage(Job("night sleep", "nights", cfg), Pace(0, 1, 0, 1))
    assert told.what == "lives through a day"
    cfg = configure("value.num_problems=10", "value.num_solutions=2", "value.max_tokens=7")
    assert forecast._stage(Job("value core", "value", cfg), Pace(0, 0, 0.5, 1)).seconds == 70


@pytest.mark.slow
def test_all_layers_cost_as_much_as_the_second_and_memory_is_given_back(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[None] = []
    monkeypatch.setattr("core.cli.pace.give_back", lambda: given.append(None))

    def parameters(num_layers: int) -> int:
        cfg = configure("experiment=smoke", f"teacher.model.num_hidden_layers={num_layers}")
        pace = pace_of(cfg)
        assert min(pace.read, pace.train, pace.write) > 0
        return pace.parameters

    one, two, five = map(parameters, (1, 2, 5))
    assert five - one == 4 * (two - one)
    assert len(given) == 3


def test_a_run_of_days_wants_to_be_asked_for(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "pace_of", lambda _: Pace(1.0, 60.0, 1.0, 10**9))
    cfg = configure("experiment=smoke", f"runs_dir={tmp_path}", "jobs=1", "threads=1")
    with pytest.raises(UserError, match=r"would take about .* days .*add --long"):
        run(cfg)
    assert not list(tmp_path.iterdir())
    cfg.forecast.long = True
    forecast.announce(cfg, [])
