"""Exports: folders that others load, each with a manifest and a card, or nothing at all."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from core.errors import UserError
from core.export import stage
from core.export.hf import HuggingFace
from core.export.parity import Parity
from core.export.stage import export_with
from core.runs.artifacts import read_json, run_folder
from tests.core.export.conftest import finish


class Card:
    """A card that only tells how many readers there were."""

    fingerprint = "told"

    def write(self, folder: Path, format: str, parities: Sequence[Parity]) -> None:
        (folder / "README.md").write_text(f"{format}, read by {len(parities)}")


def export(cfg) -> None:
    export_with(lambda cfg, source: Card(), cfg)


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
    for name in ("README.md", "model.safetensors", "tokenizer.json"):
        told = manifest["files"][name]
        content = (folder / name).read_bytes()
        assert told["bytes"] == len(content)
        assert told["sha256"] == hashlib.sha256(content).hexdigest()
    [reader] = manifest["readers"]
    assert reader["greedy_agreement"] == 1 and reader["max_logit_difference"] < 1e-3
    assert reader["num_prompts"] == 3
    assert manifest["config"]["run"] == "toy" and "torch" in manifest["versions"]
    assert "README.md" in set(manifest["files"]) and "manifest.json" not in manifest["files"]
    assert (folder / "README.md").read_text() == "hf, read by 1"


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


@pytest.mark.parametrize("seeds", [[], [0]])
def test_a_model_with_an_arm_s_name_is_refused(toy_run, tmp_path: Path, seeds: list[int]) -> None:
    """Two models aren't mixed in one folder."""
    run = tmp_path / "runs" / "toy"
    shutil.copytree(run / "arms" / "core", tmp_path / "elsewhere" / "core")
    if seeds:
        shutil.move(run, tmp_path / "moved")
        shutil.move(tmp_path / "moved", run / "seed_0")
    toy_run.model, toy_run.seeds = str(tmp_path / "elsewhere" / "core"), seeds
    with pytest.raises(UserError, match=r"has an arm 'core' of its own; choose another run=NAME"):
        export(toy_run)
    assert not (run / "export").exists()
