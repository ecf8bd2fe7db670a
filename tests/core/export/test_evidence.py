"""A card's scores are of the checkpoint that is exported, and of no other one."""

import shutil
from pathlib import Path

import pytest

from core.errors import UserError
from core.export.evidence import evidence_of, main_scores, worst_steps
from core.export.source import source_of
from core.runs.artifacts import read_json, run_folder, write_json
from tests.core.export.conftest import ATTACKED, CONTROL, OWN, VERDICT, finish, row, write_run


def refused(cfg) -> str:
    with pytest.raises(UserError) as caught:
        evidence_of(cfg, source_of(cfg))
    return str(caught.value)


def test_what_was_measured_is_read(toy_run) -> None:
    found = evidence_of(toy_run, source_of(toy_run))
    assert found.own == [*OWN, *ATTACKED]
    assert found.verdict == VERDICT and found.seeds == [0]
    told = main_scores(found.own, "core")
    assert told == [OWN[0], OWN[2], *ATTACKED], "likelihoods are left out"
    assert list(worst_steps(told)) == [OWN[0], OWN[2], ATTACKED[1]]


def test_families_are_told_where_there_is_no_mean_over_them() -> None:
    parts = [row("core", "recall", 0.1, family="a"), row("core", "lm_eval", 0.5, family="gsm8k")]
    false = row("core", "relearn_false", 0.7, step=25, higher_is_better=True)
    assert main_scores([*OWN, *parts, false], "core") == [OWN[0], OWN[2], parts[1]]


@pytest.mark.parametrize("kind", ["evals", "attacks"])
def test_scores_of_another_checkpoint_are_refused(toy_run, kind: str) -> None:
    folder = run_folder(toy_run) / kind / "core"
    shutil.rmtree(folder)
    finish(folder, {}, {"arm": "another"}, {"scores.json": OWN})
    assert f"{folder} holds the scores of another checkpoint (another" in refused(toy_run)


def test_a_control_s_scores_have_to_be_its_own_too(toy_run) -> None:
    run = run_folder(toy_run)
    finish(run / "arms" / "never_exposed", {"seed": 1}, {}, {})
    finish(run / "evals" / "never_exposed", {}, {"arm": "older"}, {"scores.json": CONTROL})
    assert "scores of another never_exposed" in refused(toy_run)


def test_scores_that_were_altered_or_are_out_of_date_are_refused(toy_run) -> None:
    run = run_folder(toy_run)
    flattering = [{**row, "value": 0.0} if row["axis"] == "recall" else row for row in OWN]
    write_json(run / "scores.json", [*flattering, *ATTACKED, *CONTROL])
    assert "doesn't hold the latest scores" in refused(toy_run)
    (run / "scores.json").unlink()
    assert "run `winnow report run=toy` first" in refused(toy_run)
    write_json(run / "evals" / "core" / "scores.json", flattering)
    assert "altered" in refused(toy_run)


def test_a_verdict_on_other_scores_is_refused(toy_run) -> None:
    [evidence] = VERDICT["evidence"]
    older = {**VERDICT, "evidence": [{**evidence, "value": 0.01}]}
    write_json(run_folder(toy_run) / "verdict.json", {"core": older})
    assert "verdict.json is older than the scores" in refused(toy_run)


def test_what_was_not_measured_has_no_scores(toy_run) -> None:
    for kind in ("evals", "attacks"):
        shutil.rmtree(run_folder(toy_run) / kind / "core")
    found = evidence_of(toy_run, source_of(toy_run))
    assert found.own == [] and found.verdict is None and found.picture is None


def test_of_several_seeds_each_is_checked(toy_run, make_source, configure) -> None:
    run = run_folder(toy_run)
    for seed in (4, 5):
        write_run(run / f"seed_{seed}", make_source(), seed)
    cfg = toy_run.copy()
    cfg.seeds = [4, 5]
    source = source_of(cfg)
    assert source.folder == run / "seed_4" / "arms" / "core"
    found = evidence_of(cfg, source)
    assert found.seeds == [4, 5] and found.own == [*OWN, *ATTACKED]
    mark = run / "seed_5" / "evals" / "core" / "artifact.json"
    wrong = read_json(mark)
    wrong["made_from"]["inputs"]["arm"] = "other"
    write_json(mark, wrong)
    assert "seed_5" in refused(cfg)


def test_a_model_s_scores_are_found_by_its_files(toy_run, make_source, tmp_path: Path) -> None:
    cfg = toy_run.copy()
    cfg.model = str(make_source().folder)
    source = source_of(cfg)
    assert source.kind == "model" and source.name == "toy"
    assert evidence_of(cfg, source).own == []
    own = [row("toy", "recall", 0.5)]
    folder = run_folder(cfg) / "evals" / "toy"
    finish(folder, {}, {"model": source.fingerprint}, {"scores.json": own})
    write_json(run_folder(cfg) / "scores.json", own)
    assert evidence_of(cfg, source).own == own
    (source.folder / "config.json").write_text(
        (source.folder / "config.json").read_text().replace("silu", "relu")
    )
    assert "another checkpoint" in refused(cfg)
