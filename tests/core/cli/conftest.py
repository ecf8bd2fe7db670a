"""A small configuration tree, with verbs that do what their names say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli.main import QUIET, main
from core.config import compose

# The verbs' functions: each does what its name says, in the terms of `cfg`.
STAGES = """
import errno, pathlib

from core.errors import UserError


def show(cfg):
    with pathlib.Path(cfg.log).open("a") as log:
        log.write(f"{cfg.run} {cfg.seed} {cfg.corpus.path} {cfg.label}\\n")


def say(cfg):
    with pathlib.Path(cfg.log).open("a") as log:
        log.write(f"{list(cfg.words)} {cfg.deep.quick} {cfg.seed}\\n")


def search(cfg, launch):
    def point(cfg):
        show(cfg)
        return float(cfg.seed)

    show(cfg)
    launch(point)


def refuse(cfg):
    try:
        raise UserError("the corpus\\n  is empty")
    except UserError as error:
        raise RuntimeError("wrapped") from error


def fill(cfg):
    raise OSError(errno.ENOSPC, "No space left on device", "runs/x")


def forbid(cfg):
    raise PermissionError(errno.EACCES, "Permission denied", "/runs")


def stop(cfg):
    raise KeyboardInterrupt


def fail(cfg):
    raise ValueError("a bug")
"""

TREE = {
    "verbs.yaml": "".join(
        f"{verb}: {{target: toy_stages.{verb}, help: {verb} it}}\n"
        for verb in ("show", "refuse", "fill", "forbid", "stop", "fail")
    )
    + "find: {target: toy_stages.show, sweep: toy_stages.search, help: find it}\n"
    + "say: {target: toy_stages.say, help: say it, words: TEXT, flags: {loud: deep.quick=true}}\n",
    "config.yaml": """
defaults:
  - _self_
  - corpus: world
  - teacher: scratch
  - forgetting: []
  - optional experiment: null
run: default
runs_dir: runs
seed: 0
rate: 0.5
deep: {quick: false, steps: [0, 25]}
label: ${run}-${seed}
log: LOG
words: []
arm: null
sources: []
sweep: {objectives: null}
""",
    "corpus/world.yaml": "path: embedded\n",
    "corpus/jsonl.yaml": "path: ???\n",
    "teacher/scratch.yaml": "hidden_size: 128\nname: llama\n",
    "forgetting/span_dropout.yaml": "# @package forgetting.span_dropout\n_target_: core.a.A\nrate: 1.0\n",
    "forgetting/weight_noise.yaml": "# @package forgetting.weight_noise\n_target_: core.b.B\nalpha: 0.2\n",
    "experiment/tiny.yaml": "# @package _global_\nrun: tiny\nteacher: {hidden_size: 16}\n",
    "experiment/tiny_long.yaml": "# @package _global_\nrun: tiny_long\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "conf"
    for name, text in TREE.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("LOG", str(tmp_path / "log.txt")))
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "toy_stages.py").write_text(STAGES)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    monkeypatch.setattr(compose, "CONF", folder)
    for name in (*QUIET, "HYDRA_FULL_ERROR"):  # set, so that it is put back afterwards
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end in one line on stderr and status 2; the line."""

    def run(*argv: str) -> str:
        assert main(argv) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("winnow: ") and err.count("\n") == 1
        return err.strip()

    return run
