"""Options that nothing but their names tells to be text."""

import re
from pathlib import Path

import pytest
import yaml

from core.config.compose import CONF
from core.config.options import TEXTS, flatten
from core.config.ranges import NULLABLE
from core.errors import UserError
from core.runs.artifacts import run_folder

OTHERS = {"student", "experiment"}  # groups


def test_each_option_that_is_null_by_default_is_known_as_text_or_not() -> None:
    null = {
        key.rpartition(".")[2]
        for path in CONF.rglob("*.yaml")
        for key, value in flatten(yaml.safe_load(path.read_text()) or {})
        if value is None
    }
    assert "mix" in null and null <= TEXTS | NULLABLE | OTHERS, null - TEXTS - NULLABLE - OTHERS


def test_what_is_said_of_null_is_so(configure) -> None:
    """Each option of another default of which its line in the YAML says what null stands for."""
    documented = {
        line.partition(":")[0].strip()
        for path in CONF.rglob("*.yaml")
        for line in path.read_text().splitlines()
        if "null:" in line.partition("#")[2] and not line.startswith("#")
    }
    assert "embedding_learning_rate" in documented
    assert documented <= TEXTS | NULLABLE | {"text_field"}
    for key in (
        *("distill.train.embedding_learning_rate", "distill.confidence_floor", "threads"),
        *("memory_map.num_sequences", "arms.plain.regularizers", "distill.train.stop"),
        "memory_map.reference",
    ):
        configure("experiment=tiny", f"{key}=null")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("seed=null", "seed takes a whole number, not 'null'"),
        ("overwrite=null", "overwrite takes true or false, not 'null'"),
        ("styles=null", "styles takes a list such as [a,b], not 'null'"),
        ("night=null", "night takes a mapping such as {a:1}, not 'null'"),
        ("distill.train={num_steps: null}", "distill.train.num_steps takes a whole number, not 'n"),
        (
            "distill.train={num_steps: few}",
            "distill.train.num_steps takes a whole number, not 'few",
        ),
        ("distill.train={num_stepz: 5}", "num_stepz'; did you mean 'distill.train.num_steps'?"),
        ("distill.train.stop={recal: .06}", "recal'; did you mean 'distill.train.stop.recall'?"),
        ("distill={train: {warmpu: 5}}", "no option 'distill.train.warmpu'; did you mean"),
        ("+distill.train.num_stepz=1", "num_stepz'; did you mean 'distill.train.num_steps'?"),
        ("++packing={vocab: 5}", "no option 'packing.vocab'; did you mean 'packing.vocab_size'?"),
        ("arms.core={train: {num_steps: 1}}", "'arms.core.train'; to add one, put + before arms."),
    ],
)
def test_a_value_or_a_name_that_nothing_reads_is_refused(configure, line: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        configure("experiment=smoke", line)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_what_a_user_may_add_is_added(configure) -> None:
    cfg = configure(
        *("experiment=smoke", "forgetting=[weight_noise]", "distill.train={num_steps: 5}"),
        *("+forgetting.weight_noise.parts={self_attn: 0.5}", "+student.head_dim=16"),
        *("+teacher.model.attention_bias=true", "+arms.core.train={num_steps: 1}"),
        "+arms.mine={corpus: full, teacher: true, regularizers: {weight_noise: {strength: 1}}}",
    )
    assert cfg.distill.train.num_steps == 5 and cfg.distill.train.batch_size == 8
    assert cfg.arms.mine.regularizers.weight_noise.strength == 1


def test_a_run_by_its_whole_path_has_that_folder_wherever_it_is_named(
    configure, tmp_path: Path
) -> None:
    folder = tmp_path / "of_mine"
    cfg = configure(
        "probes=own", "corpus=written", "teacher=path", "teacher.path=T", f"run={folder}"
    )
    assert run_folder(cfg) == folder
    assert Path(cfg.probes.path).is_relative_to(folder)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        *(
            (f"run={run}", f"run={run} names no folder in runs")
            for run in ("", ".", "..", "a/../..")
        ),
        ("run=../other", "run=../other names no folder in runs"),
        ("run=/", "run= names no folder in /"),
        ("runs_dir=", "runs_dir= is empty"),
    ],
)
def test_a_run_has_a_folder_of_its_own(configure, line: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        configure("experiment=smoke", line)
    assert configure("experiment=smoke", "run=a/b").run == "a/b"
