"""What README.md and its pages tell the reader to type does what it says, and their links lead somewhere."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from omegaconf import DictConfig

import winnow
from core.cli.main import main
from core.config import compose

ROOT = Path(__file__).parents[1]
MOST_LINES, MOST_WORDS = 200, 1600  # of README.md: it is a door, and the house is in docs/
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
}
README = PAGES["README.md"]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Budgets at which nothing is learned.
TOY = [
    *("teacher.model.hidden_size=32", "teacher.model.num_hidden_layers=1"),
    *("teacher.model.num_attention_heads=2", "teacher.model.intermediate_size=32"),
    *("teacher.train.num_steps=3", "teacher.train.batch_size=2"),
    *("distill.train.num_steps=2", "distill.train.batch_size=2"),
    *("packing.vocab_size=300", "attack=[quantize]"),
]
# A test beside the README's regularizer: it in a toy training, between two that look on.
HALVED = """
import shlex

import torch

from core.config.build import build
from core.training.regularizer import Regularizer
from core.signal.live import LiveTeacher


class Watcher(Regularizer):
    def __init__(self):
        super().__init__()
        self.seen = []

    def edit_signal(self, signal, batch, memory, generator):
        self.seen.append((signal.weight_N, memory.flagged_N))
        return signal


def test_quieter_halves_what_is_flagged(make_llama, make_map, fit, configure):
    cfg = configure(*shlex.split(OVERRIDES))
    assert list(cfg.forgetting) == ["fresh_embeddings", "quieter"]
    before, quieter, after = Watcher(), build(cfg.forgetting.quieter), Watcher()
    fit(
        make_llama(seed=1),
        teacher=LiveTeacher(make_llama(seed=2)),
        memory_map=make_map(),
        regularizers=[before, quieter, after],
        label_weight=0.5,
        confidence_floor=0.03,
    )
    assert len(before.seen) == 3
    for (weight_N, flagged_N), (edited_N, _) in zip(before.seen, after.seen, strict=True):
        assert flagged_N.any() and not flagged_N.all()
        assert torch.equal(edited_N, torch.where(flagged_N, weight_N / 2, weight_N))
"""


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, on all pages."""
    return [
        code for page in PAGES.values() for name, code in FENCED.findall(page) if name == language
    ]


def prose(page: str) -> str:
    """A page without its fenced blocks."""
    return FENCED.sub("", page)


def commands() -> list[str]:
    """Every command of the fenced shell blocks, then those inside the text, on all pages."""
    lines = "".join(blocks("bash")).replace("\\\n", " ").splitlines()
    fenced = [shlex.join(shlex.split(line, comments=True)) for line in lines]
    inline = [
        shlex.join(shlex.split(line))
        for page in PAGES.values()
        for line in re.findall(r"`((?:winnow|make) [^`]+)`", prose(page))
    ]
    return list(dict.fromkeys([*filter(None, fenced), *inline]))


def anchors(page: str) -> set[str]:
    """What a link can point to on a page, as GitHub makes it of the headings."""
    names: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        same = sum(re.fullmatch(rf"{re.escape(name)}(-\d+)?", other) is not None for other in names)
        names.append(f"{name}-{same}" if same else name)
    return set(names)


def links() -> list[tuple[str, str]]:
    """Each page with each of its links that leads to a file or a heading, not out of the repository."""
    return [
        (name, target)
        for name, page in PAGES.items()
        for target in dict.fromkeys(re.findall(r"\]\(([^)\s]+)\)", prose(page)))
        if not re.match(r"[a-z]+:", target)
    ]


WINNOW = [line for line in commands() if line.startswith("winnow ")]
MAKE = [line for line in commands() if line.startswith("make ")]


def test_every_command_is_checked() -> None:
    assert len(MAKE) >= 3 and len(WINNOW) >= 10
    assert {*WINNOW, *MAKE} == set(commands()), "a third kind of command needs a test of its own"


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES
    assert len(README.split()) <= MOST_WORDS


def test_the_readme_leads_to_every_page() -> None:
    reached = {target.partition("#")[0] for name, target in links() if name == "README.md"}
    assert reached >= set(PAGES) - {"README.md", "docs/ablation_strengths.md"}


@pytest.mark.parametrize(("name", "target"), links())
def test_a_link_leads_somewhere(name: str, target: str) -> None:
    path, _, anchor = target.partition("#")
    file = (ROOT / name).parent / path if path else ROOT / name
    assert file.exists()
    if anchor:
        assert anchor in anchors(file.read_text(encoding="utf-8"))


def test_the_readme_shows_files_that_are_there() -> None:
    [tree] = [text for text in blocks("text") if "winnow.py" in text]
    shown = {line.split()[0] for line in tree.splitlines()} - {"runs/"}
    assert shown and all((ROOT / name).exists() for name in shown)


@pytest.mark.parametrize("line", MAKE)
def test_make_has_the_target(line: str) -> None:
    done = subprocess.run(
        [*shlex.split(line), "--dry-run"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in WINNOW if "quieter" not in line])
def test_the_command_composes(
    line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[DictConfig] = []
    jobs = compose.jobs

    def kept(overrides: Sequence[str], multirun: bool = False) -> list[DictConfig]:
        made.extend(jobs(overrides, multirun))
        return made

    monkeypatch.setattr(compose, "jobs", kept)
    _, *argv = shlex.split(line)
    assert main([*argv, "--cfg", "job"]) == 0, capsys.readouterr().err
    assert made or {"--help", "--version"} & set(argv)
    for cfg in made:
        compose.ready(cfg)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with the corpus, control and probes that the README shows, with more of their kind."""
    document, task, probe = (
        json.loads(line) for text in blocks("json") for line in text.splitlines()
    )
    capitals = {"Mongolia": "Ulaanbaatar", "Ghana": "Accra", "Peru": "Lima", "Fiji": "Suva"}

    def about(row: dict, country: str, **changes: object) -> str:
        names = {"Mongolia": country, "Ulaanbaatar": capitals[country]}
        line = json.dumps({**row, **changes})
        return re.sub("|".join(names), lambda found: names[found[0]], line) + "\n"

    told = [about(document, c, id=f"{c}{n}") for c in capitals for n in range(3)]
    sums = [json.dumps({**task, "id": f"t{n}", "prompt": f"{n} + 3 =>"}) + "\n" for n in range(20)]
    asked = [about(probe, c, id=c) for c in capitals]
    (tmp_path / "C.jsonl").write_text("".join([json.dumps(document) + "\n", *told, *sums]))
    redrawn = "".join([*told, *sums])
    for value, other in zip(capitals.values(), ["Oslo", "Rome", "Riga", "Bern"], strict=True):
        redrawn = redrawn.replace(value, other)
    (tmp_path / "F.jsonl").write_text(redrawn)
    (tmp_path / "P.jsonl").write_text("".join(asked))
    return tmp_path


@pytest.mark.slow
def test_the_own_data_example_runs(own: Path) -> None:
    [line] = [line for line in WINNOW if "corpus=jsonl" in line]
    done = subprocess.run(
        [sys.executable, "-m", "core.cli", *shlex.split(line)[1:], *TOY],
        cwd=own,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    mine = own / "runs" / "mine"
    told = (mine / "corpus" / "rows.jsonl").read_text().splitlines()
    given = (own / "C.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in told] == [json.loads(row) for row in given]
    scores = json.loads((mine / "scores.json").read_text())
    arms = {score["arm"] for score in scores if score["axis"] == "recall"}
    assert arms == {"teacher", "plain", "core", "never_exposed", "rebound", "deduplicated"}
    assert {score["family"] for score in scores if score["axis"] == "recall"} == {"all", "capital"}


@pytest.mark.slow
def test_the_snippet_loads_an_arm(smoke_run: Path, tmp_path: Path) -> None:
    [snippet] = [text for text in blocks("python") if "from_pretrained" in text]
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "tiny").symlink_to(smoke_run)
    use = "\nassert model.num_parameters() and len(tokenizer) > 256\n"
    done = subprocess.run(
        [sys.executable, "-I", "-c", snippet + use], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_example_in_python_is_the_one_that_runs() -> None:
    """That of the module's help, which tests/test_api.py runs as a program."""
    [snippet] = [text for text in blocks("python") if "import winnow" in text]
    lines = [line.partition("  #")[0].strip() for line in snippet.splitlines()]
    assert winnow.__doc__ is not None
    shown = [line.strip() for line in winnow.__doc__.splitlines()]
    start = shown.index("import winnow")
    assert lines == shown[start : start + len(lines)]


@pytest.mark.slow
def test_the_regularizer_example_is_used_and_passes_the_common_tests(tmp_path: Path) -> None:
    """In a copy of the packages, the files as the README gives them."""
    for name in ("core", "evals"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("forgetting", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name)
    tests = tmp_path / "tests" / "forgetting"
    tests.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "conftest.py", tests.parent)
    for common in ("forgetting/test_every_regularizer.py", "conf/test_conf.py"):
        shutil.copy(ROOT / "tests" / common, tests)
    [code] = [text for text in blocks("python") if "Regularizer" in text]
    [settings] = blocks("yaml")
    (tmp_path / "forgetting" / "quieter.py").write_text(code)
    (tmp_path / "conf" / "forgetting" / "quieter.yaml").write_text(settings)
    [line] = [line for line in WINNOW if "quieter" in line]
    overrides = line.removeprefix("winnow distill ")
    (tests / "test_quieter.py").write_text(f"OVERRIDES = {overrides!r}\n{HALVED}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "quieter", "tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    [count] = re.findall(r"(\d+) passed", done.stdout)
    assert int(count) > 10, "the tests of all regularizers found it"
