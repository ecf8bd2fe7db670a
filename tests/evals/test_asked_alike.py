"""Arms that were asked otherwise aren't compared, and a line says so."""

import os
from pathlib import Path
from typing import Any

import pytest

from core.runs.artifacts import MARK, write_json
from evals.asked_alike import asked_alike

RELEARN = {"relearn": {"steps": [0, 25], "learning_rates": [1e-3]}}


def measure(
    run: Path,
    arm: str,
    number: int,
    kind: str = "attacks",
    file: str | None = None,
    version: str = "6",
    **settings: Any,
) -> tuple[str, str, Path]:
    """A folder of scores, the `number`th to be made."""
    folder = run / kind / arm
    folder.mkdir(parents=True)
    config = {"probes": {"path": file}, "corpus": {"seed": 0}, kind: {**RELEARN, **settings}}
    inputs = {"arm": arm} if file is None else {"arm": arm, "probes": file.upper()}
    made_from = {"config": config, "inputs": inputs, "code_version": version}
    write_json(folder / MARK, {"fingerprint": "x", "made_from": made_from})
    os.utime(folder / MARK, (number, number))
    return arm, kind, folder


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"file": "P.jsonl"}, "probes"),
        ({"version": "5"}, "code"),
        ({"relearn": {"steps": [0, 25], "learning_rates": [1e-4]}}, "options of relearn"),
    ],
)
def test_who_was_asked_otherwise_than_the_last_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], told: str
) -> None:
    control = measure(tmp_path, "never_exposed", 1)
    core = measure(tmp_path, "core", 2, **change)
    assert list(asked_alike([core, control], ["core", "never_exposed"])) == [core]
    said = " ".join(capsys.readouterr().out.split())
    assert f"made with other {told} than core's, left out until `winnow attack`" in said


def test_what_only_one_was_asked_stands_beside_what_both_were(tmp_path: Path) -> None:
    control = measure(tmp_path, "never_exposed", 1)
    core = measure(tmp_path, "core", 2, quantize={"bits": [4]})
    reading = measure(tmp_path, "core", 3, kind="evals", file="P.jsonl")
    found = [control, core, reading]
    assert list(asked_alike(found, ["core", "never_exposed"])) == found


def test_other_models_and_the_same_questions_under_another_name_stay(tmp_path: Path) -> None:
    core = measure(tmp_path, "core", 2, file="P.jsonl")
    control = measure(tmp_path, "never_exposed", 1, file="p.jsonl")
    model = measure(tmp_path, "gpt", 3, version="5")
    found = [core, control, model]
    assert list(asked_alike(found, ["core", "never_exposed"])) == found
