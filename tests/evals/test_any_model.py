"""`winnow eval model=…` and `winnow attack model=…`: checkpoints that no run of ours made."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from transformers import GPT2Config, GPT2LMHeadModel

from core.cli.main import main
from core.cli.run import run
from core.errors import UserError
from core.export.source import source_of
from core.models.loading import load_tokenizer
from evals.recall.answers import encode
from evals.report.stage import report
from evals.scores import find, read_scores
from evals.stage import attack, evaluate

pytestmark = pytest.mark.slow  # each measures a model

PROBES = [
    ("recall", "The capital of Peru is", "Lima"),
    ("recall", "The capital of Norway is", "Oslo"),
    ("reasoning", "Turn around: red blue =>", "blue red"),
]
TASK = """
task: turning
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
output_type: multiple_choice
test_split: test
doc_to_text: prompt
doc_to_choice: answers
doc_to_target: 0
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
"""


@pytest.fixture
def folder(tokenizer, tmp_path: Path) -> Path:
    """A GPT-2 as transformers saves it."""
    torch.manual_seed(0)
    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **sizes))
    model.save_pretrained(tmp_path / "gpt")
    tokenizer.save_pretrained(tmp_path / "gpt")
    return tmp_path / "gpt"


@pytest.fixture
def cfg(folder: Path, configure, tmp_path: Path) -> DictConfig:
    rows = [
        {"id": str(n), "axis": axis, "family": "f", "prompt": prompt, "answers": [answer]}
        for n, (axis, prompt, answer) in enumerate(PROBES)
    ]
    probes = tmp_path / "P.jsonl"
    probes.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return configure(
        *(f"runs_dir={tmp_path}", "run=it", f"model={folder}", "attack=[quantize]"),
        *("probes=jsonl", f"probes.path={probes}"),
    )


def test_it_is_evaluated_without_a_corpus_or_a_teacher(cfg: DictConfig, tmp_path: Path, capsys):
    evaluate(cfg)
    evals = tmp_path / "it" / "evals" / "gpt"
    samples = [json.loads(line) for line in (evals / "samples.jsonl").read_text().splitlines()]
    assert [sample["prompt"] for sample in samples] == [prompt for _, prompt, _ in PROBES]
    scores = read_scores(tmp_path / "it" / "scores.json")
    assert {score.arm for score in scores} == {"gpt"}
    recall = find(scores, "gpt", "recall")
    assert (recall.n, recall.value) == (2, sum(s["correct"] for s in samples[:2]) / 2)
    out = capsys.readouterr().out
    assert "open_book: missing" in out and "recall: missing" not in out
    assert "gpt" in out and "reasoning" in out and "±" in out
    assert not (tmp_path / "it" / "corpus").exists()

    before = (evals / "artifact.json").stat().st_mtime_ns
    evaluate(cfg)
    assert (evals / "artifact.json").stat().st_mtime_ns == before, "nothing has changed"

    other = GPT2LMHeadModel.from_pretrained(cfg.model)
    other.transformer.wte.weight.data.mul_(3)
    other.save_pretrained(cfg.model)
    evaluate(cfg)
    assert (evals / "artifact.json").stat().st_mtime_ns > before, "another model"


def another(cfg: DictConfig, place: Path) -> str:
    """Another model under the same name, elsewhere."""
    model = GPT2LMHeadModel.from_pretrained(cfg.model)
    torch.nn.init.normal_(model.transformer.wte.weight)
    shutil.copytree(cfg.model, place / "gpt")
    model.save_pretrained(place / "gpt")
    return str(place / "gpt")


def test_two_models_of_one_name_are_two_arms(cfg: DictConfig, tmp_path: Path, capsys) -> None:
    first, second = cfg.model, another(cfg, tmp_path / "elsewhere")
    evaluate(cfg)
    before = read_scores(tmp_path / "it" / "scores.json")
    cfg.model = second
    attack(cfg)
    scores = read_scores(tmp_path / "it" / "scores.json")
    arms = {score.arm: {s.axis for s in scores if s.arm == score.arm} for score in scores}
    assert [score for score in scores if score.arm == "gpt"] == before, "the first has its own"
    [name] = set(arms) - {"gpt"}
    assert name.startswith("gpt@") and f"this one is '{name}'" in capsys.readouterr().out
    assert arms[name] == {"quantize_8bit", "quantize_4bit"}
    evaluate(cfg)
    assert {path.name for path in (tmp_path / "it" / "evals").iterdir()} == {"gpt", name}
    cfg.model = first
    attack(cfg)
    assert {path.name for path in (tmp_path / "it" / "attacks").iterdir()} == {"gpt", name}
    assert source_of(cfg).name == "gpt", "an export asks by the same names"
    cfg.model = second
    assert source_of(cfg).name == name


def test_a_copy_of_a_model_is_the_same_model(cfg: DictConfig, tmp_path: Path) -> None:
    evaluate(cfg)
    cfg.model = shutil.copytree(cfg.model, tmp_path / "elsewhere" / "gpt")
    attack(cfg)
    assert {s.arm for s in read_scores(tmp_path / "it" / "scores.json")} == {"gpt"}


def test_scores_of_a_model_before_it_was_changed_are_left_out(
    cfg: DictConfig, tmp_path: Path, capsys
) -> None:
    evaluate(cfg)
    attack(cfg)
    changed = another(cfg, tmp_path / "elsewhere")
    shutil.rmtree(cfg.model)
    shutil.move(changed, cfg.model)
    evaluate(cfg)
    scores = read_scores(tmp_path / "it" / "scores.json")
    assert {score.arm for score in scores} == {"gpt"}
    assert not any(score.axis.startswith("quantize") for score in scores), "of what it was before"
    assert "left out until `winnow attack` is run again" in capsys.readouterr().out


def test_facts_as_triples_are_probes_too(folder: Path, configure, tmp_path: Path) -> None:
    said = {"relation": "capital", "templates": ["The capital of {} is", "{} is ruled from"]}
    cities = {"Peru": "Lima", "Norway": "Oslo", "Latvia": "Riga"}
    rows = [{**said, "subject": name, "object": city} for name, city in cities.items()]
    file = tmp_path / "F.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    cfg = configure(
        *(f"runs_dir={tmp_path}", "run=it", f"model={folder}", "attack=[rephrase]"),
        *("probes=relations", f"probes.path={file}", "probes.num_facts=2"),
        *("eval.tasks=[winnow_recall]", "metric=[stored_bits]"),
    )
    evaluate(cfg)
    attack(cfg)
    scores = read_scores(tmp_path / "it" / "scores.json")
    recall = find(scores, "gpt", "recall", family="capital")
    assert recall.n == 2
    theirs = find(scores, "gpt", "lm_eval", family="winnow_recall", metric="acc")
    assert (theirs.n, theirs.value) == (2, recall.value), "lm-eval asks the same"
    forms = {s.family: s.n for s in scores if s.axis == "rephrase"}
    assert forms == {"paraphrase": 2, "choice": 2}


def test_several_stand_side_by_side_and_are_attacked_and_reported(
    cfg: DictConfig, folder: Path, tmp_path: Path
):
    evaluate(cfg)
    attack(cfg)
    shutil.copytree(folder, tmp_path / "twin")
    cfg.model = str(tmp_path / "twin")
    evaluate(cfg)
    scores = read_scores(tmp_path / "it" / "scores.json")
    assert find(scores, "twin", "recall").value == find(scores, "gpt", "recall").value
    assert find(scores, "gpt", "quantize_4bit", family="recall").n == 2
    cfg.model = None
    report(cfg)
    assert "twin" in (tmp_path / "it" / "report.html").read_text(encoding="utf-8")


def test_it_does_tasks_of_lm_eval(cfg: DictConfig, tmp_path: Path, capsys):
    own = tmp_path / "own"
    own.mkdir()
    (own / "turning.yaml").write_text(TASK.format(file=cfg.probes.path))
    cfg.eval.tasks, cfg.eval.tasks_path = ["turning"], str(own)
    evaluate(cfg)
    score = find(
        read_scores(tmp_path / "it" / "scores.json"),
        "gpt",
        "lm_eval",
        family="turning",
        metric="acc",
    )
    assert (score.value, score.n) == (1.0, 3), "each has one choice"
    assert "turning · acc" in capsys.readouterr().out
    assert (tmp_path / "it" / "evals" / "gpt").exists(), "probes were named, so they are put too"


def test_a_task_of_the_hub_offline_is_one_line_and_leaves_nothing_behind(
    cfg: DictConfig, tmp_path: Path, capsys
):
    own = tmp_path / "own"
    own.mkdir()
    lines = TASK.format(file="").replace("path: json", "path: openai/gsm8k").splitlines()
    (own / "far.yaml").write_text("\n".join(line for line in lines if "kwargs" not in line))
    argv = [f"model={cfg.model}", f"runs_dir={tmp_path}", "run=it", f"eval.tasks_path={own}"]
    assert main(["eval", *argv, "eval.tasks=[turning]"]) == 2
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("winnow: eval.tasks: can't load 'turning': ")
    assert not (tmp_path / "it").exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "can't load a tokenizer"),
        (lambda folder: shutil.rmtree(folder), "no such folder"),
    ],
)
def test_what_is_missing_is_told(spoil, said: str, cfg: DictConfig, folder: Path, tmp_path: Path):
    for name in ("tokenizer_config.json",) if "tokenizer" in said else ():
        (folder / name).unlink()
    spoil(folder)
    with pytest.raises(UserError, match=said):
        evaluate(cfg)
    assert not (tmp_path / "it" / "evals" / "gpt").exists()


def test_another_vocabulary_is_told(cfg: DictConfig, folder: Path, tokenizer):
    GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2)).save_pretrained(
        folder
    )
    with pytest.raises(
        UserError, match=f"50 embedding rows but the tokenizer has {len(tokenizer)}"
    ):
        evaluate(cfg)


def test_a_name_of_the_hub_offline_is_one_line(cfg: DictConfig):
    cfg.model = "openai-community/gpt2"
    with pytest.raises(UserError) as error:
        evaluate(cfg)
    assert "can't be had from the hub" in str(error.value) and "\n" not in str(error.value)


def test_an_arm_of_the_run_keeps_its_name(cfg: DictConfig, tmp_path: Path):
    (tmp_path / "it" / "arms" / "core").mkdir(parents=True)
    shutil.copytree(cfg.model, tmp_path / "core")
    cfg.model = str(tmp_path / "core")
    with pytest.raises(UserError, match=r"has an arm 'core' of its own; choose another run=NAME"):
        evaluate(cfg)


def test_a_whole_run_makes_its_own_models(cfg: DictConfig):
    with pytest.raises(UserError, match="is for `winnow eval`"):
        run(cfg)


@pytest.mark.slow
def test_probes_up_to_the_edge_of_the_context_are_measured(cfg: DictConfig, tmp_path, capsys):
    """GPT-2 has no position beyond it; every metric and attack reads within the room that is left."""
    rows = [json.loads(line) for line in Path(cfg.probes.path).read_text().splitlines()]
    tokenizer = load_tokenizer(cfg.model)
    for number, row in enumerate(rows[:2]):
        [answer] = row["answers"]
        while sum(map(len, encode(tokenizer, f"a {row['prompt']}", answer))) <= 64 - number:
            row["prompt"] = f"a {row['prompt']}"
    long = {**rows[0], "id": "long", "prompt": "a " * 40 + rows[0]["prompt"]}
    Path(cfg.probes.path).write_text("".join(json.dumps(row) + "\n" for row in [*rows, long]))
    given = [f"model={cfg.model}", f"runs_dir={tmp_path}", "run=edge", "probes=jsonl"]
    given += [f"probes.path={cfg.probes.path}"]
    assert main(["eval", *given]) == 0
    attacks = ["attack=[sampling,relearn,quantize,distractor]", "attack.relearn.steps=[0,2]"]
    assert main(["attack", *given, *attacks]) == 0
    out = capsys.readouterr().out
    assert out.count("left out: probe 'long' has") == 2 and "the model reads 64" in out
    scores = read_scores(tmp_path / "edge" / "scores.json")
    assert find(scores, "gpt", "recall").n == 2
    assert find(scores, "gpt", "sampling", family="recall", metric="leak", step=1).n == 2

    Path(cfg.probes.path).write_text(json.dumps(long) + "\n")
    for verb in ("eval", "attack"):
        assert main([verb, *given, "run=none"]) == 2
        assert "no probe is left to measure" in capsys.readouterr().err
