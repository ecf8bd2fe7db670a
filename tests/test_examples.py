"""The examples run as they stand, at a toy's budget."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_readme import blocks

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
TOY = ["teacher.train.num_steps=4", "distill.train.num_steps=4", "packing.vocab_size=300"]
TOY += ["teacher.model.hidden_size=32", "teacher.model.num_hidden_layers=1", "attack=[quantize]"]
TOY += ["teacher.model.intermediate_size=64", "memory_map.num_sequences=8", "metric=[]"]


def python(*argv: object, cwd: Path, root: Path = ROOT) -> str:
    """What Python prints that finds Winnow in `root`."""
    done = subprocess.run(
        [sys.executable, *map(str, argv)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_example_is_run_here_and_told_on_their_page() -> None:
    there = {path.name for path in EXAMPLES.iterdir() if not path.name.startswith(("_", "."))}
    assert there == {*("own_corpus.py", "own_regularizer", "trl_trainer.py", "tour.ipynb")} | {
        "README.md"
    }
    linked = re.findall(r"\]\(([^)#]+)", (EXAMPLES / "README.md").read_text())
    assert all((EXAMPLES / target).exists() for target in linked)
    assert there - {"README.md"} <= {target.partition("/")[0] for target in linked}


@pytest.mark.slow
def test_a_corpus_of_your_own(tmp_path: Path) -> None:
    printed = python(EXAMPLES / "own_corpus.py", tmp_path, *TOY, cwd=ROOT)
    told = {tuple(line.split()[:2]) for line in printed.splitlines() if line.endswith("%")}
    arms = ("teacher", "plain", "core", "never_exposed")
    assert told >= {(arm, axis) for arm in arms for axis in ("recall", "reasoning")}
    assert (tmp_path / "capitals" / "report.html").exists()


def test_the_regularizer_of_your_own_is_the_one_that_the_docs_explain() -> None:
    """There it goes through the tests of all regularizers (tests/test_readme.py)."""
    folder = EXAMPLES / "own_regularizer"
    assert (folder / "quieter.py").read_text() in blocks("python")
    assert (folder / "quieter.yaml").read_text() in blocks("yaml")


@pytest.mark.slow
def test_a_regularizer_of_your_own(smoke_run: Path, tmp_path: Path) -> None:
    """Its two files are copied to where they go, in a copy of the packages."""
    for name in ("core", "evals", "winnow.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("forgetting", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for suffix, place in (("py", "forgetting"), ("yaml", "conf/forgetting")):
        shutil.copy(EXAMPLES / "own_regularizer" / f"quieter.{suffix}", tmp_path / place)
    shutil.copytree(smoke_run, tmp_path / "runs" / "smoke")
    shutil.rmtree(tmp_path / "runs" / "smoke" / "arms" / "core")
    chosen = "forgetting=[fresh_embeddings,quieter]"
    python("-m", "core.cli", "distill", "experiment=smoke", chosen, cwd=tmp_path, root=tmp_path)
    made = (tmp_path / "runs" / "smoke" / "arms" / "core" / "artifact.json").read_text()
    assert "forgetting.quieter.Quieter" in made


@pytest.mark.slow
def test_a_trainer_of_trl(smoke_run: Path, tmp_path: Path) -> None:
    pytest.importorskip(
        "trl", reason="needs the extra: pip install -c constraints.txt -e '.[bench]'"
    )
    shutil.copytree(smoke_run, tmp_path / "smoke")
    core = tmp_path / "core"
    overrides = ["experiment=smoke", f"runs_dir={tmp_path}"]
    printed = python(EXAMPLES / "trl_trainer.py", core, *overrides, cwd=tmp_path)
    assert printed.splitlines()[-1].endswith(str(core))
    assert (core / "model.safetensors").exists() and (core / "tokenizer.json").exists()


@pytest.mark.slow
def test_the_notebook(smoke_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its run is taken as `smoke_run` made it: by the same command."""
    extra = "needs the extra: pip install -c constraints.txt -e '.[examples]'"
    nbclient = pytest.importorskip("nbclient", reason=extra)
    nbformat = pytest.importorskip("nbformat", reason=extra)
    pytest.importorskip("ipykernel", reason=extra)
    shutil.copytree(smoke_run, tmp_path / "runs" / "smoke")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(EXAMPLES / "tour.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "stored without outputs"
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, resources=where).execute()
    shown = [
        set(output["data"])
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert any("text/markdown" in kinds for kinds in shown), "the table"
    assert any("image/png" in kinds for kinds in shown), "the picture"
