"""Options that nothing but their names tells to be text."""

from pathlib import Path

import yaml

from core.config.compose import CONF
from core.config.options import TEXTS, flatten
from core.runs.artifacts import run_folder

# Numbers, mappings and lists of numbers: Hydra's own reading is right.
OTHERS = {
    *("num_rows", "num_facts", "num_sequences", "layers", "protected", "objectives"),
    *("jobs", "threads", "seeds", "confidence_floor", "embedding_learning_rate"),
    *("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads"),
    *("num_key_value_heads", "student", "recall", "reasoning", "experiment"),
}
LISTED = {"regularizers", "matrices", "kinds", "relations", "sources"}  # null: all, or none


def test_each_option_that_is_null_by_default_is_known_as_text_or_not() -> None:
    null = {
        key.rpartition(".")[2]
        for path in CONF.rglob("*.yaml")
        for key, value in flatten(yaml.safe_load(path.read_text()) or {})
        if value is None
    }
    assert "mix" in null and null <= TEXTS | OTHERS | LISTED, null - TEXTS - OTHERS - LISTED


def test_a_run_by_its_whole_path_has_that_folder_wherever_it_is_named(
    configure, tmp_path: Path
) -> None:
    folder = tmp_path / "of_mine"
    cfg = configure(
        "probes=own", "corpus=written", "teacher=path", "teacher.path=T", f"run={folder}"
    )
    assert run_folder(cfg) == folder
    assert Path(cfg.probes.path).is_relative_to(folder)
