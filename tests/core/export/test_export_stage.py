"""`winnow export`: folders that others load, each with a manifest and a card, or nothing at all."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from transformers import AutoModelForCausalLM

from core.errors import UserError
from core.export import stage
from core.export.hf import HuggingFace
from core.export.stage import export
from core.runs.artifacts import read_json, run_folder, write_json
from tests.core.export.conftest import ATTACKED, OWN, finish, row


def exported(cfg) -> Path:
    return run_folder(cfg) / "export" / "core"


def test_an_arm_is_exported_with_its_card_and_manifest(toy_run, capsys) -> None:
    export(toy_run)
    folder = exported(toy_run) / "hf"
    assert AutoModelForCausalLM.from_pretrained(folder).num_parameters() > 0
    manifest = read_json(folder / "manifest.json")
    run = run_folder(toy_run)
    for name in ("corpus", "teacher"):
        mark = read_json(run / name / "artifact.json")
        assert manifest["fingerprints"][name] == mark["fingerprint"]
    for name in ("README.md", "model.safetensors", "frontier.png", "tokenizer.json"):
        told = manifest["files"][name]
        content = (folder / name).read_bytes()
        assert told["bytes"] == len(content)
        assert told["sha256"] == hashlib.sha256(content).hexdigest()
    [reader] = manifest["readers"]
    assert reader["greedy_agreement"] == 1 and reader["max_logit_difference"] < 1e-3
    assert reader["num_prompts"] == 3
    assert manifest["config"]["run"] == "toy" and "torch" in manifest["versions"]
    assert "README.md" in set(manifest["files"]) and "manifest.json" not in manifest["files"]


def test_the_hub_reads_the_scores_off_the_card(toy_run) -> None:
    export(toy_run)
    card = ModelCard.load(exported(toy_run) / "hf" / "README.md")
    found = {r.dataset_type: r for r in card.data.eval_results}
    assert found["winnow-recall"].metric_value == OWN[0]["value"]
    assert found["winnow-recall"].metric_args["stderr"] == OWN[0]["stderr"]
    assert found["winnow-relearn_disjoint"].metric_value == ATTACKED[1]["value"]
    text = card.text
    assert "**Forgotten**" in text and "weight_noise" in text
    assert "| recall | accuracy | 0.050 ± 0.010 | 0.040 ± 0.010 | 0.250 |" in text
    assert "| relearn disjoint, at 0 | accuracy | 0.040 ± 0.010 | – | 0.250 |" in text
    assert "| relearn disjoint, at 25 | accuracy | 0.060 ± 0.010 | – | 0.250 |" in text
    assert "frontier.png" in text and "seed=0" in text
    assert "logprob" not in text


def test_each_score_is_told_where_it_belongs(toy_run) -> None:
    """What attacks brought back stands apart from what is only lower the better, such as perplexity."""
    run = run_folder(toy_run)
    asked = [
        *(row("core", axis, 0.1) for axis in ("verbatim", "knowledge", "lookup_forgotten")),
        *(row("core", axis, 0.8, higher_is_better=True) for axis in ("open_book", "arithmetic")),
        *(row("core", axis, 0.8, higher_is_better=True) for axis in ("language", "lookup")),
        row("core", "text", 31.0, metric="perplexity", chance=None),
        row("core", "recall", 0.2, metric="leak@20"),
    ]
    attacked = [row("core", axis, 0.1) for axis in ("quantize", "sampling", "distractor", "benign")]
    arm = {"arm": read_json(run / "arms" / "core" / "artifact.json")["fingerprint"]}
    for kind, scores in (("evals", [*OWN, *asked]), ("attacks", [*ATTACKED, *attacked])):
        shutil.rmtree(run / kind / "core")
        finish(run / kind / "core", {}, arm, {"scores.json": scores})
    write_json(run / "scores.json", [*OWN, *asked, *ATTACKED, *attacked])
    export(toy_run)
    text = ModelCard.load(exported(toy_run) / "hf" / "README.md").text
    told = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", text, re.MULTILINE))
    found = {
        title: set(re.findall(r"^\| ([\w ]+?)(?:, at \d+)? \| ", part, re.MULTILINE))
        for title, part in told.items()
    }
    assert found["What it kept"] == {"reasoning", "open book", "arithmetic", "language", "lookup"}
    assert found["What it forgot"] == {"recall", "verbatim"}
    attacks = {"relearn disjoint", "quantize", "sampling", "distractor", "benign"}
    assert found["… and under which attacks"] == attacks
    assert found["What else was measured"] == {"knowledge", "lookup forgotten", "text"}


def test_what_was_not_measured_is_said_on_the_card(toy_run) -> None:
    for kind in ("evals", "attacks"):
        shutil.rmtree(run_folder(toy_run) / kind)
    export(toy_run)
    card = ModelCard.load(exported(toy_run) / "hf" / "README.md")
    assert "Not measured" in card.text and card.data.eval_results is None


def test_the_same_again_is_skipped_and_another_is_refused(toy_run, capsys, monkeypatch) -> None:
    export(toy_run)
    file = exported(toy_run) / "hf" / "model.safetensors"
    written = file.stat().st_mtime_ns
    capsys.readouterr()
    export(toy_run)
    assert file.stat().st_mtime_ns == written
    assert f"there already → {exported(toy_run)}" in capsys.readouterr().out
    toy_run.export.dtype = "bfloat16"
    with pytest.raises(UserError, match="was made from another configuration"):
        export(toy_run)
    toy_run.overwrite = True
    export(toy_run)
    assert file.stat().st_mtime_ns != written
    monkeypatch.setattr(
        HuggingFace, "libraries", ("safetensors",)
    )  # as when a reader was taken away
    toy_run.overwrite = False
    with pytest.raises(UserError, match=r"inputs\.tokenizers"):
        export(toy_run)


def test_a_failure_leaves_nothing(toy_run, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise UserError("no")

    monkeypatch.setattr(stage, "compare", fail)
    with pytest.raises(UserError, match="no"):
        export(toy_run)
    assert not list(exported(toy_run).glob("*"))


@pytest.mark.parametrize("name", ["gguf", "ollama"])
def test_other_formats_are_written_and_read_back(toy_run, configure, name: str) -> None:
    pytest.importorskip(
        "gguf", reason="needs the extra: pip install -c constraints.txt -e '.[export]'"
    )
    toy_run.format = configure(f"format=[{name}]").format
    export(toy_run)
    manifest = read_json(exported(toy_run) / name / "manifest.json")
    assert manifest["format"] == name and manifest["readers"]
    assert {"README.md", "manifest.json"} <= {p.name for p in (exported(toy_run) / name).iterdir()}


def test_bad_input_is_told_before_anything_is_written(toy_run) -> None:
    run = run_folder(toy_run)
    cases = {
        "arm=coer: no such arm in": {"arm": "coer"},
        "no such folder": {"model": str(run / "nowhere")},
        "no format": {"format": {}},
    }
    for line, changes in cases.items():
        cfg = toy_run.copy()
        for key, value in changes.items():
            cfg[key] = value
        with pytest.raises(UserError, match=line):
            export(cfg)
    weights = run / "arms" / "core" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match="altered or truncated"):
        export(toy_run)
    assert not (run / "export").exists()


def test_an_arm_of_another_teacher_is_refused(toy_run) -> None:

    run = run_folder(toy_run)
    shutil.rmtree(run / "teacher")
    finish(run / "teacher", {"seed": 9}, {}, {})
    with pytest.raises(UserError, match="made from another teacher"):
        export(toy_run)


def test_the_dtype_is_that_of_the_configuration(configure) -> None:
    from core.config.build import build

    built = build(configure("export.dtype=bfloat16").format.hf)
    assert isinstance(built, HuggingFace) and built.dtype == "bfloat16"


def test_what_a_whole_run_leaves_is_exported(smoke_run: Path, configure, tmp_path: Path) -> None:
    """Whatever kinds of scores a run has: those with the store too."""
    shutil.copytree(smoke_run, tmp_path / "smoke")
    cfg = configure("experiment=smoke", f"runs_dir={tmp_path}", "export.num_prompts=3")
    export(cfg)
    found = ModelCard.load(exported(cfg) / "hf" / "README.md").data.eval_results
    kinds = {result.dataset_type for result in found}
    assert {"winnow-recall", "winnow-relearn_disjoint", "winnow-lookup"} <= kinds
