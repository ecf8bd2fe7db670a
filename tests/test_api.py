"""Winnow from Python does what the command line does, in any program."""

import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

import winnow

ROOT = Path(__file__).parents[1]
EXAMPLES = textwrap.dedent(winnow.__doc__.partition("\n")[2])
Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def runs(smoke_run: Path, tmp_path: Path) -> Path:
    """A folder of runs with a copy of the smoke run, without its core."""
    shutil.copytree(smoke_run, tmp_path / "smoke")
    for part in ("arms", "evals", "attacks", "lookup"):
        shutil.rmtree(tmp_path / "smoke" / part / "core", ignore_errors=True)
    return tmp_path


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Run a Python program, a file of its own."""

    def run(text: str, *argv: object) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "program.py"
        file.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{text}")
        command = [sys.executable, file, *map(str, argv)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    return run


@pytest.mark.parametrize(
    ("options", "typed"),
    [
        ({"seed": 3, "distill": {"label_weight": 0.25}}, ["seed=3", "distill.label_weight=0.25"]),
        ({"forgetting": ["dream", "goldfish"]}, ["forgetting=[dream,goldfish]"]),
        ({"model": None, "overwrite": True}, ["model=null", "overwrite=true"]),
        ({"run": "it's; a=b, [c] \\ {d}"}, [r"run='it\'s; a=b, [c] \ {d}'"]),
        ({"runs_dir": Path("a/b c")}, ["runs_dir='a/b c'"]),
        ({"run": "7", "seeds": (1, 2)}, ["run='7'", "seeds=[1,2]"]),
        ({"teacher": {"train": {"learning_rate": 1e-05}}}, ["teacher.train.learning_rate=1e-5"]),
    ],
)
def test_options_are_what_would_be_typed(options: dict, typed: list[str], configure) -> None:
    assert winnow.Run("experiment=smoke", **options).cfg == configure("experiment=smoke", *typed)


@pytest.mark.slow
def test_text_stays_as_it_is() -> None:
    for text in ("it's; a=b, [c] {d}", "back\\slash", "ends in \\", '"quoted"', "7", "null"):
        assert winnow.Run(run=text).cfg.run == text
    assert winnow.Run(day="").cfg.day == ""


def test_of_two_for_one_option_the_last_counts() -> None:
    cfg = winnow.Run("run=a", "forgetting=[dream]", "run=b", run="c", forgetting=[]).cfg
    assert (cfg.run, dict(cfg.forgetting)) == ("c", {})


@pytest.mark.parametrize(
    ("overrides", "options", "said"),
    [
        (["tiny"], {}, "write key=value"),
        (["experiment=tinny"], {}, "did you mean 'tiny'"),
        ([], {"sed": 1}, "did you mean 'seed'"),
        ([], {"seed": "one"}, "seed takes a whole number"),
        ([], {"seed": object()}, "seed: a configuration can't hold a object"),
        (["corpus=jsonl"], {}, "corpus.path is needed"),
    ],
)
def test_slips_are_user_errors(overrides: list[str], options: dict, said: str) -> None:
    with pytest.raises(winnow.UserError, match=said):
        winnow.Run(*overrides, **options)


@pytest.mark.slow
def test_hydra_is_left_as_it_was_found(program: Program) -> None:
    """Twice in one program, and inside an application that is Hydra's itself."""
    done = program(
        """
import hydra, winnow
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

print(winnow.Run(run="first").cfg.run, winnow.Run(run="second").cfg.run)
assert not GlobalHydra.instance().is_initialized()
with hydra.initialize_config_dir(sys.path[0] + "/conf", job_name="theirs", version_base="1.2"):
    assert winnow.Run(seed=1).cfg.seed == 1
    again = hydra.compose("config", ["seed=2"], return_hydra_config=True)
    assert again.seed == 2 and again.hydra.job.name == "theirs"

@hydra.main(version_base="1.3", config_path=None)
def main(cfg):
    print(winnow.Run(run="inside").cfg.run, HydraConfig.get().job.name)
    assert GlobalHydra.instance().is_initialized()

main()
"""
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["first", "second", "inside", "program"]


def test_importing_it_is_quick(program: Program) -> None:
    done = program(
        "import winnow; heavy = {'torch', 'transformers', 'hydra'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    assert done.returncode == 0, done.stderr
    assert winnow.ForgettingMixin and winnow.RowMemory
    assert not hasattr(winnow, "Runn")


@pytest.mark.slow
def test_the_examples_run_as_a_program(runs: Path, program: Program) -> None:
    """As they are printed, without a guard for the processes that it starts; the budget is a toy's."""
    text = EXAMPLES.replace("experiment=tiny", "experiment=smoke").replace(
        "max_steps=800", "max_steps=2"
    )
    code = "\n".join(
        line.removeprefix("    ")
        for line in text.splitlines()
        if line.startswith("    ") or not line
    )
    code = code.replace('run="mine"', f'run="smoke", runs_dir={str(runs)!r}')
    told = """
assert {score.arm for score in scores} == {"core", "plain"}
print(sorted(folders), model.num_parameters() > 0, "core" in run.verdict)
"""
    done = program(code + told)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['hf'] True True"
    core = runs / "smoke" / "arms" / "core" / "artifact.json"
    assert list(json.loads(core.read_text())["made_from"]["config"]["forgetting"]) == [
        *("fresh_embeddings", "span_dropout")
    ]
    assert (runs / "own" / "core" / "model.safetensors").exists()
    assert (runs / "smoke" / "export" / "core" / "hf" / "manifest.json").exists()


@pytest.mark.slow
def test_what_is_there_is_taken_as_it_is(smoke_run: Path, runs: Path) -> None:
    run = winnow.Run("experiment=smoke", runs_dir=runs)
    kept = {path: path.stat().st_mtime_ns for path in (runs / "smoke").glob("*/artifact.json")}
    core = run.distill()
    assert core == runs / "smoke" / "arms" / "core" and run.map().name == "memory_map"
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    model, tokenizer = run.load()
    was, _ = winnow.Run("experiment=smoke", runs_dir=smoke_run.parent).load()
    assert isinstance(model, PreTrainedModel) and len(tokenizer) > 256
    own, others = model.state_dict(), was.state_dict()
    assert all(torch.equal(own[name], others[name]) for name in own), "what `winnow run` made"
    assert {score.arm for score in run.evaluate()} == {
        "teacher",
        "core",
        "plain",
        "never_exposed",
    } | {*("rebound", "deduplicated")}
    with pytest.raises(winnow.UserError, match="this run has no 'coer'; did you mean 'core'"):
        run.distill("coer")


def test_rows_and_memory_fit_together(smoke_arms: Path) -> None:
    from core.models.taught import as_packed

    run = winnow.Run("experiment=smoke", runs_dir=smoke_arms.parent)
    rows, memory = run.rows(), run.memory()
    assert memory.has_reference and set(rows.column_names) == {"input_ids", "labels"}
    for row in rows.select(range(0, len(rows), 97)):
        memory.at(as_packed({name: torch.tensor([value]) for name, value in row.items()}))


def test_an_arm_is_asked_with_its_store_and_without(smoke_arms: Path, tmp_path: Path) -> None:
    from core.store.write import FILE, StoredDocument, write_store

    shutil.copytree(smoke_arms, tmp_path / "smoke")
    run = winnow.Run("experiment=smoke", runs_dir=tmp_path)
    question, told = "The city of Bova is", "The city of Bova is Oslo."
    (run.folder / FILE).unlink(missing_ok=True)
    write_store(run.folder / FILE, [StoredDocument("d", told, None, [])], {}, 1)
    assert [passage.text for passage in run.ask(question).passages] == [told]
    alone = run.ask(question, store=False)
    assert alone.answer and not alone.passages
    with pytest.raises(winnow.UserError, match="the question is empty"):
        run.ask(" ")
    assert (
        not winnow.Run("experiment=smoke", runs_dir=tmp_path, ask={"store": False})
        .ask(question)
        .passages
    )
    with pytest.raises(winnow.UserError, match="run `winnow distill arm=nobody` first"):
        run.ask(question, "nobody")


def test_asking_does_what_the_options_say(smoke_arms: Path, tmp_path: Path) -> None:
    """Those that choose the model, how it answers and what is written down aren't passed over."""
    given = ("experiment=smoke", f"runs_dir={smoke_arms.parent}", "ask.store=false")
    with pytest.raises(winnow.UserError, match="model=/nowhere: no such folder"):
        winnow.Run(*given, model="/nowhere").ask("Add: 1 2 =>")
    with pytest.raises(winnow.UserError, match="run `winnow value arm=plain` first"):
        winnow.Run(*given, decode="value").ask("Add: 1 2 =>", "plain")
    log = tmp_path / "day.jsonl"
    teacher = winnow.Run(*given).path("teacher")
    own = winnow.Run(*given, f"ask.log={log}").ask("The city of", "teacher").answer
    assert winnow.Run(*given, f"model={teacher}").ask("The city of").answer == own
    assert json.loads(log.read_text())["completion"] == own


def test_nothing_there_is_told(tmp_path: Path) -> None:
    run = winnow.Run("experiment=smoke", runs_dir=tmp_path)
    with pytest.raises(winnow.UserError, match="no arms yet"):
        run.evaluate()
    with pytest.raises(winnow.UserError, match="no model folder at"):
        run.load()
    assert run.scores == [] and not list(tmp_path.iterdir())


def test_over_seeds_paths_are_the_first_ones() -> None:
    run = winnow.Run("experiment=tiny", seeds=[3, 4])
    assert run.path() == Path("runs/tiny/seed_3/arms/core") and run.folder == Path("runs/tiny")
    assert eval(repr(run)).cfg == run.cfg


def test_every_verb_refuses_what_the_command_line_refuses(smoke_arms: Path) -> None:
    run = winnow.Run("experiment=smoke", runs_dir=smoke_arms.parent, corpus={"num_people": 9})
    with pytest.raises(winnow.UserError, match=r"corpus\.num_people: 8 → 9"):
        run.distill()
