"""`winnow scorers`: a map by each scorer, and a table of them."""

import shutil
from pathlib import Path

import pytest

from core.cli.main import main
from core.signal.memory_map import MemoryMap


@pytest.mark.slow
def test_each_scorer_has_a_map_and_a_row(
    smoke_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "copy"
    shutil.copytree(smoke_run, run)
    assert main(["scorers", "experiment=smoke", "run=copy", f"runs_dir={tmp_path}"]) == 0
    told = capsys.readouterr().out
    assert "reference_gap: left out" in told and "out_of_fold: left out" in told
    names = {path.name for path in (run / "scorers").iterdir()}
    assert names >= {"agreement", "renaming", "extraction", "noise_gap", "curvature_gap"}
    own, alone = (MemoryMap.load(run / name) for name in ("memory_map", "scorers/agreement"))
    assert (own.score_ST == alone.score_ST).all()
    table = (run / "scorers.md").read_text()
    assert all(f"| {name} |" in table for name in names)
