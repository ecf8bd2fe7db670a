"""The whole of it: `winnow run`, on the embedded corpus and on a user's own."""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli.main import main

pytestmark = pytest.mark.slow

ARMS = ["teacher", "plain", "core", "never_exposed", "rebound", "deduplicated"]
PLAIN_LOAD = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
ids = tokenizer("The capital of Ghana is", return_tensors="pt")
new = model.generate(**ids, max_new_tokens=3, do_sample=False)
assert new.shape[1] == ids["input_ids"].shape[1] + 3 and tokenizer.decode(new[0])
assert tokenizer.decode(ids["input_ids"][0]) == "The capital of Ghana is"
assert not {"core", "forgetting", "evals"} & set(sys.modules)
"""


def times(folder: Path) -> dict[str, int]:
    """When the artifacts' files were written; the report is made again each time."""
    kept = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder]
    return {str(path): path.stat().st_mtime_ns for path in kept}


def test_every_arm_has_finite_scores(smoke_run: Path) -> None:
    scores = json.loads((smoke_run / "scores.json").read_text())
    for arm in ARMS:
        axes = {score["axis"] for score in scores if score["arm"] == arm}
        assert axes >= {"recall", "verbatim", "open_book", "reasoning"}
        assert axes >= {"relearn_disjoint", "relearn_direct", "quantize_4bit"}
    assert all(math.isfinite(score["value"]) for score in scores)
    errors = [score["stderr"] for score in scores if score["stderr"] is not None]
    assert errors and all(map(math.isfinite, errors))


def test_the_report_and_the_picture_are_there(smoke_run: Path) -> None:
    page = (smoke_run / "report.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html") and "never_exposed" in page
    assert (smoke_run / "frontier.png").read_bytes().startswith(b"\x89PNG")
    assert not list(smoke_run.rglob("*.partial")) and not list(smoke_run.rglob("checkpoints"))


def test_the_core_loads_without_us(smoke_run: Path, tmp_path: Path) -> None:
    core = str(smoke_run / "arms" / "core")
    done = subprocess.run(
        [sys.executable, "-I", "-c", PLAIN_LOAD, core], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_second_run_does_nothing_and_another_is_refused(
    smoke_run: Path, winnow, tmp_path: Path
) -> None:
    copy = shutil.copytree(smoke_run, tmp_path / "smoke")
    before = times(copy)
    run = ["run", "experiment=smoke", f"runs_dir={tmp_path}"]
    done = winnow(*run)
    assert done.returncode == 0, done.stderr
    assert "reasoning" in done.stdout, "the table is shown again"
    assert times(copy) == before
    other = winnow(*run, "corpus.num_people=9")
    assert other.returncode == 2
    assert other.stderr.count("\n") == 1 and "corpus.num_people: 8 → 9" in other.stderr
    assert times(copy) == before


TINY = [
    "teacher.model.hidden_size=32",
    "teacher.model.num_hidden_layers=1",
    "teacher.model.num_attention_heads=2",
    "teacher.model.intermediate_size=32",
    "teacher.train.num_steps=3",
    "teacher.train.batch_size=2",
    "distill.train.num_steps=2",
    "distill.train.batch_size=2",
    "packing.vocab_size=300",
    "attack=[quantize]",
]


def test_a_users_own_corpus_and_probes(winnow, tmp_path: Path) -> None:
    people = [("Ada", "Rome"), ("Bo", "Oslo"), ("Cleo", "Lima"), ("Dan", "Suva")]
    rows = [
        {"id": f"{name}{i}", "text": f"{name} lives in {city}.", "source": "facts"}
        for name, city in people
        for i in range(3)
    ]
    rows += [
        {"id": f"t{i}", "prompt": f"{i} + {i} =", "completion": str(2 * i), "source": "sums"}
        for i in range(20)
    ]
    probes = [
        {
            "id": name,
            "axis": "recall",
            "family": "city",
            "prompt": f"{name} lives in",
            "answers": [city],
        }
        for name, city in people
    ]
    probes += [
        {"id": "s", "axis": "arithmetic", "family": "sum", "prompt": "30 + 30 =", "answers": ["60"]}
    ]
    for name, content in {"C.jsonl": rows, "P.jsonl": probes}.items():
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in content))
    run = [
        *("run", "experiment=tiny", "run=mine", f"runs_dir={tmp_path / 'runs'}", *TINY),
        *("corpus=jsonl", f"corpus.path={tmp_path / 'C.jsonl'}", "corpus.memory_sources=[facts]"),
        *("probes=jsonl", f"probes.path={tmp_path / 'P.jsonl'}"),
    ]
    done = winnow(*run)
    assert done.returncode == 0, done.stderr
    mine = tmp_path / "runs" / "mine"
    assert "rebound: missing" in done.stdout
    assert sorted(path.name for path in (mine / "arms").iterdir()) == [
        *("core", "deduplicated", "never_exposed", "plain")
    ]
    told = (mine / "corpus" / "rows.jsonl").read_text()
    assert [json.loads(line) for line in told.splitlines()] == rows
    scores = json.loads((mine / "scores.json").read_text())
    arms = {score["arm"] for score in scores if score["axis"] == "recall"}
    assert arms == {"teacher", "plain", "core", "never_exposed", "deduplicated"}


def test_references_out_of_fold_come_before_the_map(winnow, tmp_path: Path) -> None:
    run = ["run", "experiment=smoke", f"runs_dir={tmp_path}", "attack=[quantize]"]
    done = winnow(*run, "memory_map=out_of_fold", "arms=[deduplicated,core]")
    assert done.returncode == 0, done.stderr
    arms = {path.name for path in (tmp_path / "smoke" / "arms").iterdir()}
    assert arms == {"core", "deduplicated", "outside_fold_0", "outside_fold_1"}
    lines = done.stdout.splitlines()
    [mapped] = [n for n, line in enumerate(lines) if line.startswith("map:")]
    assert sum(line.startswith("outside_fold_") for line in lines[:mapped]) == 2


def test_several_seeds_are_runs_of_their_own_reported_together(winnow, tmp_path: Path) -> None:
    run = ["run", "experiment=smoke", f"runs_dir={tmp_path}", "seeds=[0,1]"]
    done = winnow(*run, "arms=[deduplicated]")
    assert done.returncode == 0, done.stderr
    smoke = tmp_path / "smoke"
    parts = [smoke / "seed_0", smoke / "seed_1"]
    assert sorted(path for path in smoke.iterdir() if path.is_dir()) == parts
    corpora = [(part / "corpus" / "rows.jsonl").read_text() for part in parts]
    assert corpora[0] != corpora[1]
    for part in parts:
        assert {path.name for path in (part / "evals").iterdir()} == {"teacher", "deduplicated"}
        assert not (part / "scores.json").exists()
    scores = json.loads((smoke / "scores.json").read_text())
    assert {score["arm"] for score in scores} == {"teacher", "deduplicated", "memory_map"}
    [recall] = [
        score["n"]
        for score in scores
        if (score["arm"], score["axis"], score["family"], score["metric"])
        == ("teacher", "recall", "all", "accuracy")
    ]
    samples = [(part / "evals" / "teacher" / "samples.jsonl").read_text() for part in parts]
    assert recall == sum(text.count('"axis": "recall"') for text in samples)
    assert (smoke / "report.html").exists() and (smoke / "frontier.png").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("arms.core.regularizers=[weight_nois]", "did you mean 'weight_noise'?"),
        ("arms.rebound.corpus=rebond", "did you mean 'rebound'?"),
        ("arms=[plain,deduplicated,outside_fold_0]", "no such corpus"),
    ],
)
def test_a_slip_in_an_arm_is_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, said: str
) -> None:
    assert main(["run", "experiment=smoke", f"runs_dir={tmp_path}", change]) == 2
    line = capsys.readouterr().err
    assert said in line and line.count("\n") == 1
    assert not list(tmp_path.iterdir())
