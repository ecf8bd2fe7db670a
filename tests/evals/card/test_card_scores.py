"""A card's scores are of the checkpoint that is exported, and of no other one."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import UserError
from core.export.source import source_of
from core.runs.artifacts import read_json, run_folder, write_json
from evals.card.card_scores import card_scores_of, main_scores, worst_steps
from tests.core.export.conftest import finish, write_run
from tests.evals.card.conftest import (
    ATTACKED,
    CONTROL,
    EVIDENCE,
    OWN,
    gather,
    measure,
    score,
    write_scores_of,
    write_verdict,
)


def refused(cfg) -> str:
    with pytest.raises(UserError) as caught:
        card_scores_of(cfg, source_of(cfg))
    return str(caught.value)


def test_what_was_measured_is_read(measured_run) -> None:
    found = card_scores_of(measured_run, source_of(measured_run))
    assert found.own == [*OWN, *ATTACKED]
    assert found.verdict.evidence == [EVIDENCE] and found.seeds == [0]
    told = main_scores(found.own, "core")
    assert told == [OWN[0], OWN[2], *ATTACKED], "likelihoods are left out"
    assert list(worst_steps(told)) == [OWN[0], OWN[2], ATTACKED[1]]


def test_families_are_told_where_there_is_no_mean_over_them() -> None:
    parts = [score("core", "recall", 0.1, family="a"), score("core", "lm_eval", 0.5, family="gsm")]
    false = score("core", "relearn_false", 0.7, step=25, higher_is_better=True)
    assert main_scores([*OWN, *parts, false], "core") == [OWN[0], OWN[2], parts[1]]


@pytest.mark.parametrize("kind", ["evals", "attacks"])
def test_scores_of_another_checkpoint_are_refused(measured_run, kind: str) -> None:
    folder = run_folder(measured_run) / kind
    shutil.rmtree(folder / "core")
    write_scores_of(folder, {"arm": "another"}, OWN)
    assert f"{folder / 'core'} holds the scores of another checkpoint (another" in refused(
        measured_run
    )


def test_a_control_s_scores_have_to_be_its_own_too(measured_run) -> None:
    run = run_folder(measured_run)
    finish(run / "arms" / "never_exposed", {"seed": 1}, {}, {})
    write_scores_of(run / "evals", {"arm": "older"}, CONTROL, "never_exposed")
    assert "scores of another never_exposed" in refused(measured_run)


def test_scores_that_were_altered_or_are_out_of_date_are_refused(measured_run) -> None:
    run = run_folder(measured_run)
    flattering = [replace(one, value=0.0) if one.axis == "recall" else one for one in OWN]
    gather(run, [*flattering, *ATTACKED, *CONTROL])
    assert "doesn't hold the latest scores" in refused(measured_run)
    (run / "scores.json").unlink()
    assert "run `winnow report run=toy` first" in refused(measured_run)
    gather(run / "evals" / "core", flattering)
    assert "altered" in refused(measured_run)


def test_a_verdict_on_other_scores_is_refused(measured_run) -> None:
    write_verdict(run_folder(measured_run), replace(EVIDENCE, value=0.01))
    assert "verdict.json is older than the scores" in refused(measured_run)


def test_what_was_not_measured_has_no_scores(measured_run) -> None:
    for kind in ("evals", "attacks"):
        shutil.rmtree(run_folder(measured_run) / kind / "core")
    found = card_scores_of(measured_run, source_of(measured_run))
    assert found.own == [] and found.verdict is None and found.picture is None


def test_the_stranger_control_is_no_score_of_the_teacher(measured_run, configure) -> None:
    """A pretrained teacher's folder has both; they are of the same axes."""
    run = run_folder(measured_run)
    own = score("teacher", "recall", 0.9)
    shutil.rmtree(run / "teacher")
    shutil.copytree(run / "arms" / "core", run / "teacher")
    mark = read_json(run / "teacher" / "artifact.json")
    told = [own, score("stranger", "recall", 0.1)]
    write_scores_of(run / "evals", {"arm": mark["fingerprint"]}, told, "teacher")
    gather(run, told)
    cfg = measured_run.copy()
    cfg.arm = "teacher"
    assert card_scores_of(cfg, source_of(cfg)).own == [own]


def test_of_several_seeds_each_is_checked(measured_run, make_source) -> None:
    run = run_folder(measured_run)
    for seed in (4, 5):
        measure(run / f"seed_{seed}", write_run(run / f"seed_{seed}", make_source(), seed))
    cfg = measured_run.copy()
    cfg.seeds = [4, 5]
    source = source_of(cfg)
    assert source.folder == run / "seed_4" / "arms" / "core"
    found = card_scores_of(cfg, source)
    assert found.seeds == [4, 5] and found.own == [*OWN, *ATTACKED]
    mark = run / "seed_5" / "evals" / "core" / "artifact.json"
    wrong = read_json(mark)
    wrong["made_from"]["inputs"]["arm"] = "other"
    write_json(mark, wrong)
    assert "seed_5" in refused(cfg)


def test_a_model_s_scores_are_found_by_its_files(measured_run, make_source, tmp_path: Path) -> None:
    cfg = measured_run.copy()
    cfg.model = str(make_source().folder)
    source = source_of(cfg)
    assert source.kind == "model" and source.name == "toy"
    assert card_scores_of(cfg, source).own == []
    own = [score("toy", "recall", 0.5)]
    run = run_folder(cfg)
    write_scores_of(run / "evals", {"model": source.fingerprint}, own, "toy")
    gather(run, own)
    assert card_scores_of(cfg, source).own == own
    (source.folder / "config.json").write_text(
        (source.folder / "config.json").read_text().replace("silu", "relu")
    )
    assert "another checkpoint" in refused(cfg)
