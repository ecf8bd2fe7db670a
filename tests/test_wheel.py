"""What is installed works from another folder, without the checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = (
    "core",
    "evals",
    "forgetting",
    "conf",
    "winnow.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)


@pytest.mark.slow
def test_a_wheel_works_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77")
    source, site, elsewhere = tmp_path / "source", tmp_path / "site", tmp_path / "elsewhere"
    source.mkdir(), elsewhere.mkdir()
    for name in SHIPPED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    chosen = ["--no-deps", "--no-build-isolation", "--no-index", "--target", site, source]
    subprocess.run([*pip, *chosen], check=True, capture_output=True, timeout=300)

    def run(*argv: str) -> str:
        done = subprocess.run(
            [sys.executable, *argv],
            cwd=elsewhere,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert str(site) in run("-c", "import core; print(core.__file__)")
    assert "winnow" in run(str(site / "bin" / "winnow"), "--help")
    assert "runs" in run("-m", "core.cli", "corpus", "experiment=smoke")
    assert (elsewhere / "runs" / "smoke" / "corpus" / "rows.jsonl").exists()
    assert list(site.glob("core/py.typed"))
