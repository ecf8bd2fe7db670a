"""The command line against a small configuration tree of its own."""

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli.main import explain, main
from core.config import compose
from core.errors import UserError

pytestmark = pytest.mark.usefixtures("tree")


def test_a_verb_gets_the_resolved_configuration_and_litters_nothing(tree: Path) -> None:
    assert main(["show", "experiment=tiny", "seed=3"]) == 0
    assert (tree / "log.txt").read_text() == "tiny 3 embedded tiny-3\n"
    assert list((tree / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["say"], "[] False 0"),
        (["say", "Where is 2 + 2 = 4?", "seed=3"], "['Where is 2 + 2 = 4?'] False 3"),
        (["say", "seed=3", "a", "--loud", "b: [1"], "['a', 'b: [1'] True 3"),
        (["say", "'; DROP TABLE x; --", '"'], """["'; DROP TABLE x; --", '"'] False 0"""),
        (["say", "", "${run}"], "['', '${run}'] False 0"),
    ],
)
def test_words_are_text_and_options_are_options(argv: list[str], said: str, tree: Path) -> None:
    assert main(argv) == 0
    assert (tree / "log.txt").read_text() == f"{said}\n"


def test_libraries_are_quiet_unless_the_user_wants_to_hear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "info")
    assert main(["show"]) == 0
    assert os.environ["TRANSFORMERS_VERBOSITY"] == "info"
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["shwo"], "no verb 'shwo'; did you mean 'show'?"),
        (["show", "--verbose"], "--verbose"),
        (["show", "sed=1"], "no option 'sed'; did you mean 'seed'?"),
        (["show", "teacher.hiden_size=3"], "did you mean 'teacher.hidden_size'?"),
        (["show", "zzzzzz=3"], "no option 'zzzzzz'; --cfg job shows them all"),
        (["show", "quick=true"], "no option 'quick'; did you mean 'deep.quick'?"),
        (["show", "only=core"], "no option 'only'; did you mean 'arm'?"),
        (["show", "forgeting=[span_dropout]"], "did you mean 'forgetting'?"),
        (["show", "experiment=tinny"], "did you mean 'tiny'? choices: tiny, tiny_long"),
        (["show", "forgetting=[span_dropuot]"], "did you mean 'span_dropout'? choices: span_d"),
        (["show", "forgetting=[span_dropout]", "forgetting.span_dropout.rat=1"], "dropout.rate'"),
        (["show", "seed"], "cannot read 'seed'"),
        (["show", "seed=[1"], "write key=value"),
        (["show", "seed=many"], "seed takes a whole number, not 'many'"),
        (["show", "seed=1.5"], "seed takes a whole number, not '1.5'"),
        (["show", "seed=true"], "seed takes a whole number"),
        (["show", "rate=fast"], "rate takes a number"),
        (["show", "deep.quick=1"], "deep.quick takes true or false"),
        (["show", "deep.steps=25"], "deep.steps takes a list"),
        (["show", "run=[a]"], "run takes one word or text"),
        (["show", "corpus=jsonl"], "corpus.path is needed: add corpus.path=FILE"),
        (["show", "run=${sed}"], "'sed' not found"),
        (["show", "run=${sed}"], r"for a dollar sign before a brace write \${"),
        (["show", "sources=2023"], "sources takes a list"),
        (["show", "seed=1,2"], "add --multirun"),
        (["show", "--loud"], "the flags are"),
        (["say", "a", "sed=1"], "did you mean 'seed'?"),
        (["say", "--lod"], "--lod; the flags are --loud, --help, -m, --cfg job"),
        (["say", "a", "-m", "seed=1,2"], "-m sweeps over options: it takes no TEXT"),
        (["show", "+seed=1"], "seed"),
        (["refuse"], "winnow: the corpus is empty"),
        (["fill"], "no space left on the disk: runs/x"),
        (["forbid"], "permission denied: /runs"),
    ],
)
def test_each_slip_is_one_line(
    argv: list[str], said: str, refused: Callable[..., str], tree: Path
) -> None:
    assert said in refused(*argv)
    assert not (tree / "log.txt").exists()


@pytest.mark.slow
def test_the_points_of_a_sweep_keep_their_names(tree: Path) -> None:
    assert main(["show", "-m", "run=1.10,1e5,é#,null", "seed=1,2"]) == 0
    told = [line.split()[0] for line in (tree / "log.txt").read_text().splitlines()]
    assert sorted(set(told)) == ["1.10", "1e5", "null", "é#"] and len(told) == 8
    assert main(["show", "-m", "run=choice(a,b)", "rate=0.1,0.2"]) == 0


def test_interrupting_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop"]) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ValueError, match="a bug"):
        main(["fail"])


def test_a_sweep_runs_every_point_inside_runs(tree: Path) -> None:
    assert main(["show", "-m", "seed=1,2", "run=s${seed}"]) == 0
    assert (tree / "log.txt").read_text() == "s1 1 embedded s1-1\ns2 2 embedded s2-2\n"
    assert [path.name for path in (tree / "work").iterdir()] == ["runs"]


def test_a_point_of_a_sweep_is_what_one_command_is(tree: Path) -> None:
    """Hydra hands over what an experiment sets for a plug-in that isn't chosen, too."""
    sets = "# @package _global_\nforgetting: {weight_noise: {alpha: 0.1}}\n"
    (tree / "conf/experiment/noisy.yaml").write_text(sets)
    line = ["experiment=noisy", "label='${forgetting}'"]
    assert main(["show", *line]) == 0
    assert main(["show", "-m", *line, "seed=1,2"]) == 0
    told = (tree / "log.txt").read_text().splitlines()
    assert [entry.partition("embedded")[2] for entry in told] == [" {}"] * 3


def test_a_search_is_given_what_its_points_share_and_a_way_to_do_them(tree: Path) -> None:
    assert main(["find", "-m", "seed=1,2", "run=s", "sweep.objectives={recall: minimize}"]) == 0
    assert (tree / "log.txt").read_text().split("\n")[:3] == [
        *("s 0 embedded s-0", "s 1 embedded s-1", "s 2 embedded s-2")
    ]


def test_without_objectives_or_without_m_nothing_is_searched(tree: Path) -> None:
    assert main(["find", "-m", "seed=1,2", "run=s"]) == 0
    assert main(["find", "seed=3", "run=s", "sweep.objectives={recall: minimize}"]) == 0
    assert (tree / "log.txt").read_text().count("\n") == 3


@pytest.mark.parametrize("slip", ["experiment=tiny,tinny", "sed=1,2", "seed=1,x"])
def test_a_sweep_is_checked_before_its_first_job(
    slip: str, refused: Callable[..., str], tree: Path
) -> None:
    refused("show", slip, "--multirun")
    assert not (tree / "log.txt").exists()


def test_a_job_of_a_sweep_that_refuses_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["refuse", "-m", "seed=1,2"]) == 2
    assert capsys.readouterr().err.endswith("['seed=1']\nwinnow: the corpus is empty\n")


def test_a_users_own_choices_are_found_on_the_search_path(
    tree: Path, refused: Callable[..., str]
) -> None:
    (tree / "own" / "corpus").mkdir(parents=True)
    (tree / "own" / "corpus" / "mine.yaml").write_text("path: here\n")
    search = f"hydra.searchpath=[file://{tree / 'own'}]"
    assert main(["show", search, "corpus=mine"]) == 0
    assert "here" in (tree / "log.txt").read_text()
    assert "choices: jsonl, mine, world" in refused("show", search, "corpus=yours")


def test_a_file_that_changed_is_composed_anew(tree: Path, refused: Callable[..., str]) -> None:
    """What was composed before is kept for as long as its files are as they were."""
    assert main(["show", "experiment=tiny"]) == 0
    (tree / "conf" / "experiment" / "tiny.yaml").write_text("# @package _global_\nrun: small\n")
    (tree / "conf" / "experiment" / "tiny_long.yaml").unlink()
    assert main(["show", "experiment=tiny"]) == 0
    assert [line.split()[0] for line in (tree / "log.txt").open()] == ["tiny", "small"]
    assert "choices: tiny\n" in refused("show", "experiment=tinny") + "\n"


def test_one_configuration_is_not_another_s(tree: Path) -> None:
    one, other = (compose.jobs(["experiment=tiny"])[0] for _ in range(2))
    one.run = "changed"
    assert other.run == "tiny" and compose.jobs(["experiment=tiny"])[0].run == "tiny"


def test_cfg_job_prints_the_configuration_and_runs_nothing(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "--cfg", "job", "corpus=jsonl", "teacher.hidden_size=9"]) == 0
    out = capsys.readouterr().out
    assert "hidden_size: 9" in out and "path: ???" in out and "label: ${run}-${seed}" in out
    assert not (tree / "log.txt").exists()


def test_help_lists_verbs_groups_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert re.search(r"^  show +show it$", capsys.readouterr().out, re.MULTILINE)
    assert main(["show", "--help"]) == 0
    out = capsys.readouterr().out
    for line in (
        "corpus +jsonl | world*",
        "experiment +tiny | tiny_long",
        "seed=0",
        "deep.quick=fal",
    ):
        name, _, rest = line.partition(" +")
        assert re.search(rf"^  {re.escape(name)} *{re.escape(rest)}", out, re.MULTILINE), line
    assert main(["--version"]) == 0
    assert re.fullmatch(r"winnow \d+\.\d+.*\n", capsys.readouterr().out)


@pytest.mark.parametrize("argv", [["--help"], ["run", "--help"], ["--version"], ["rnu"]])
def test_answers_without_importing_anything_heavy(argv: list[str]) -> None:
    script = (
        "import sys; from core.cli.main import main; status = main(sys.argv[1:]); "
        "heavy = {'torch', 'transformers', 'datasets', 'hydra', 'omegaconf'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else status)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script, *argv], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == (2 if argv == ["rnu"] else 0), done.stderr


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_a_full_disk_is_known_however_it_is_said() -> None:
    import torch

    with pytest.raises(Exception) as plain, open("/dev/full", "w") as file:
        file.write("x" * 100_000)
    with pytest.raises(Exception) as saved:
        torch.save(torch.zeros(1_000_000), "/dev/full")
    for error in (plain.value, saved.value):
        assert "no space left" in (explain(error) or "")


def test_explain_looks_along_the_causes() -> None:
    wrapped = RuntimeError("outer")
    wrapped.__cause__ = UserError("mend this")
    assert explain(wrapped) == "mend this"
    assert explain(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "x")) is None


def test_a_reader_who_has_read_enough_ends_it_quietly() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "core.cli", "--help"]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, stdout=writes, stderr=subprocess.PIPE, text=True)
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, "")
