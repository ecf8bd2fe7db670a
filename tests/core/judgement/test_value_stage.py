"""`winnow value`, `winnow ask decode=value` and `winnow eval` on a run of toys; and arms that write."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from core.arms.distill import distill
from core.arms.teach import teach
from core.corpus.stage import build_corpus
from core.errors import UserError
from core.judgement.solutions import Writer
from core.judgement.stage import value
from evals.stage import evaluate

pytestmark = pytest.mark.slow  # whole stages, a second each

TOY = [
    *("experiment=smoke", "corpus=worked", "corpus.num_solutions=60", "corpus.num_skill_items=20"),
    *("attack=[]", "metric=[extraction]", "watch.every=0", "memory_map.reference=null"),
    *("value.num_problems=5", "value.num_solutions=2", "value.max_tokens=20"),
    "arms=[on_policy,off_policy,supervised,outcome]",
    *(f"arms.{arm}.start=null" for arm in ("on_policy", "off_policy", "supervised", "outcome")),
    *(f"arms.{arm}.train.num_steps=2" for arm in ("on_policy", "outcome")),
    *(f"arms.{arm}.watch.every=1" for arm in ("on_policy", "outcome")),
    *(f"arms.{arm}.watch.num_problems=5" for arm in ("on_policy", "outcome")),
    *("arms.on_policy.train.log_steps=1", "arms.outcome.train.log_steps=1"),
]
MEASURE = [
    f"value.measure.{name}={count}"
    for name, count in {
        **{"num_problems": 5, "num_solutions": 2, "num_ranked": 2, "num_alternatives": 2},
        **{"num_rollouts": 2, "num_decoded": 5, "num_attacked": 2, "counts": "[1,2]"},
    }.items()
]
Configure = Callable[..., DictConfig]


@pytest.fixture(scope="module")
def runs(configure: Configure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a corpus of solved problems, a teacher, and two arms that write."""
    runs = tmp_path_factory.mktemp("judgement")
    cfg = configure(*TOY, f"runs_dir={runs}")
    build_corpus(cfg)
    teach(cfg)
    for arm in ("on_policy", "outcome"):
        distill(configure(*TOY, f"runs_dir={runs}", f"arm={arm}"))
    return runs


@pytest.fixture
def lucky(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of what a toy writes counts as right: it never solves anything."""
    judged = Writer.judged

    def by_luck(self, problem, prompt, written):
        found = judged(self, problem, prompt, written)
        return type(found)(problem, found.prompt, found.written, sum(written) % 2 == 0)

    monkeypatch.setattr(Writer, "judged", by_luck)


def test_arms_that_write_log_their_tokens_and_what_they_solve(runs: Path) -> None:
    for arm in ("on_policy", "outcome"):
        lines = (runs / "smoke" / "arms" / arm / "metrics.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        assert len(rows) == 2
        for row in rows:
            assert row["taught_tokens"] > 0 and 0 <= row["inside"] <= 1 and 0 <= row["longer"] <= 1


def test_a_value_is_trained_and_measured_and_answers(
    runs: Path, configure: Configure, lucky: None, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*TOY, *MEASURE, f"runs_dir={runs}", "arm=on_policy"]
    value(configure(*options))
    run = runs / "smoke"
    mark = json.loads((run / "values" / "on_policy" / "artifact.json").read_text())
    assert set(mark["files"]) == {"value.safetensors", "solutions.jsonl"}
    value(configure(*options))
    assert "there already" in capsys.readouterr().out
    evaluate(configure(*options))
    assert "evals: on_policy" in capsys.readouterr().out
    records = json.loads((run / "judgement" / "on_policy" / "records.json").read_text())
    assert {row["where"] for row in records["value"]} == {"inside", "longer"}
    assert {row["arm"] for row in records["attack"]} == {"on_policy"}
    from core.store.ask import ask

    asked = OmegaConf.merge(
        configure(*options, "decode=value", "ask.store=false"), {"words": ["Add: 1 2 + 3 4 =>"]}
    )
    ask(asked)
    first = capsys.readouterr().out
    ask(asked)
    assert capsys.readouterr().out == first != ""


def test_a_value_of_another_core_is_refused(
    runs: Path, configure: Configure, lucky: None, tmp_path: Path
) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    options = [*TOY, *MEASURE, f"runs_dir={tmp_path / 'runs'}"]
    run = tmp_path / "runs" / "smoke"
    value(configure(*options, "arm=outcome", "value.num_problems=6"))
    shutil.rmtree(run / "arms" / "outcome")
    shutil.copytree(run / "arms" / "on_policy", run / "arms" / "outcome")
    from core.store.ask import ask

    asked = configure(*options, "arm=outcome", "decode=value", "ask.store=false")
    with pytest.raises(UserError, match="another core"):
        ask(OmegaConf.merge(asked, {"words": ["Add: 1 2 + 3 4 =>"]}))


def test_a_model_with_an_arm_s_name_is_refused(
    runs: Path, configure: Configure, tmp_path: Path
) -> None:
    """Its value would lie where the arm's does."""
    shutil.copytree(runs / "smoke" / "teacher", tmp_path / "outcome")
    cfg = configure(*TOY, f"runs_dir={runs}", f"model={tmp_path / 'outcome'}")
    with pytest.raises(UserError, match=r"has an arm 'outcome' of its own; choose another run="):
        value(cfg)


def test_a_toy_that_solves_nothing_has_no_value(runs: Path, configure: Configure) -> None:
    with pytest.raises(UserError, match="all solutions came out wrong"):
        value(configure(*TOY, f"runs_dir={runs}", "arm=teacher"))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["value.families=[reading]"], "'reading' has no checker"),
        (["value.layer=9"], r"value\.layer=9: the model has layers 0 to 2"),
        (["value.num_solutions=0"], r"value\.num_solutions=0: choose at least 1"),
        (["arm=core"], "no such arm|isn't there yet"),
    ],
)
def test_bad_options_are_one_line(
    runs: Path, configure: Configure, overrides: list[str], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        value(configure(*TOY, f"runs_dir={runs}", "arm=teacher", *overrides))


@pytest.mark.parametrize(
    ("arm", "overrides", "said"),
    [
        ("on_policy", ["distill.signal=cached"], "add distill.signal=live"),
        ("on_policy", ["arms.on_policy.teacher=false"], "no teacher to grade"),
        ("outcome", ["arms.outcome.teacher=true"], "outcome reward has no teacher"),
        ("outcome", ["arms.outcome.sources=[skills]"], "no family with a checker"),
        ("supervised", ["arms.supervised.sources=[solution]"], "did you mean 'solutions'"),
        ("on_policy", ["arms.on_policy.distill.on_policy=1.5"], "between 0 and 1"),
    ],
)
def test_an_arm_that_nothing_can_grade_is_refused(
    runs: Path, configure: Configure, arm: str, overrides: list[str], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        distill(configure(*TOY, f"runs_dir={runs}", f"arm={arm}", "overwrite=true", *overrides))
