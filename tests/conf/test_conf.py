"""Every choice of the configuration composes, is built, and shows a command that works."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from hydra import compose as hydra_compose
from omegaconf import DictConfig, OmegaConf

from core.config import compose
from core.config.build import build
from core.config.hydra_calls import session
from core.config.verbs import load_verb, verbs
from core.errors import UserError
from core.runs.artifacts import arm_name

CHOICES = sorted(
    (folder.name, str(file.relative_to(folder).with_suffix("")))
    for folder in compose.CONF.iterdir()
    for file in folder.rglob("*.yaml")
    if folder.name != "accelerate"  # read by its own launcher
)
IDS = ["/".join(choice) for choice in CHOICES]
LISTS = {"forgetting", "arms", "metric", "attack", "format"}  # groups of which several are chosen


def test_there_are_choices() -> None:
    assert {group for group, _ in CHOICES} >= {"corpus", "teacher", "forgetting", "experiment"}


@pytest.fixture(scope="module", params=CHOICES, ids=IDS)
def choice(request: pytest.FixtureRequest) -> tuple[str, str]:
    group, name = request.param
    if "override /hydra/" in (compose.CONF / group / f"{name}.yaml").read_text():
        pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="the extra sweep")
    return request.param


@pytest.fixture(scope="module")
def shown(choice: tuple[str, str]) -> tuple[str, list[str], DictConfig]:
    """The verb and overrides of the command in its header, and what they compose; refuses what the command
    line would.
    """
    group, name = choice
    found = re.search(r"winnow (.+)$", header(compose.CONF / group / f"{name}.yaml"), re.MULTILINE)
    assert found, "the first or second comment line shows a command"
    verb, *words = shlex.split(found[1])
    overrides = [word for word in words if word != "-m"]
    return verb, overrides, compose.ready(compose.jobs(overrides)[0])


def targets(node: Any) -> Iterator[dict[str, Any]]:
    """The outermost mappings with a `_target_`: building one builds those inside."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield node
        else:
            for child in node.values():
                yield from targets(child)


def test_all_that_it_names_is_built(
    choice: tuple[str, str], shown: tuple[str, list[str], DictConfig]
) -> None:
    cfg = OmegaConf.to_container(shown[2], resolve=True)
    assert isinstance(cfg, dict)
    nodes = [] if choice[0] in cfg and not cfg[choice[0]] else list(targets(cfg))
    assert nodes, "at least the corpus is named"
    for node in nodes:
        assert build(node) is not None


def header(file: Path) -> str:
    """The first comment lines that aren't Hydra's."""
    lines = file.read_text().splitlines()
    comments = [line for line in lines if line.startswith("#") and not line.startswith("# @")]
    return "\n".join(comments[:2])


def test_its_header_shows_a_command_that_chooses_it(
    choice: tuple[str, str], shown: tuple[str, list[str], DictConfig]
) -> None:
    (group, name), (verb, overrides, cfg) = choice, shown
    assert verb in verbs()
    if group in LISTS:
        assert name in cfg[group]
    else:
        with session(compose.CONF):
            whole = hydra_compose("config", overrides, return_hydra_config=True)
        assert name == whole.hydra.runtime.choices[group]
    if verb == "distill":
        assert arm_name(cfg) in cfg.arms


def test_every_verb_is_there() -> None:
    for name, entry in verbs().items():
        assert callable(load_verb(name)) and entry["help"]


def test_the_default_configuration_shows_a_command() -> None:
    assert "winnow VERB" in header(compose.CONF / "config.yaml")


def test_what_is_not_typed_often_lies_in_a_section() -> None:
    options = OmegaConf.load(compose.CONF / "config.yaml")
    assert isinstance(options, DictConfig)
    bare = [name for name, value in options.items() if not isinstance(value, DictConfig)]
    assert len(set(bare) - {"defaults"}) <= 12, bare


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("only=core", "arm"),
        ("tasks=[x]", "eval.tasks"),
        ("tasks_path=x", "eval.tasks_path"),
        ("show=html", "memory_map.show"),
        ("plan=true", "forecast.plan"),
        ("long=true", "forecast.long"),
        ("num_folds=2", "variants.num_folds"),
        ("deduplication=exact", "variants.deduplication"),
        ("objectives=null", "sweep.objectives"),
        ("precision=float32", "training.precision"),
        ("recompute=true", "training.recompute"),
        ("eval.metrics=[x]", "metric"),
        ("eval.min_k=.1", "metric.membership.min_k"),
    ],
)
def test_an_option_without_its_section_is_answered_with_it(typed: str, meant: str) -> None:
    with pytest.raises(UserError, match=rf"did you mean '{meant}'\?"):
        compose.jobs([typed])


def test_what_an_experiment_sets_for_an_attack_that_is_not_chosen_is_left_out() -> None:
    chosen = ["experiment=smoke", "attack=[quantize]"]
    assert set(compose.jobs(["experiment=smoke"])[0].attack) == {"relearn", "quantize"}
    assert set(compose.jobs(chosen)[0].attack) == {"quantize"}
    with pytest.raises(UserError, match=r"no option 'attack\.relearn\.batch_size'"):
        compose.jobs([*chosen, "attack.relearn.batch_size=4"])


@pytest.mark.parametrize(
    "file", sorted((compose.CONF / "accelerate").glob("*.yaml")), ids=lambda file: file.stem
)
def test_the_launcher_takes_its_configuration(file: Path) -> None:
    config = load_config_from_file(str(file))
    assert config.num_processes == 2
    command = re.search(
        r"^# accelerate launch --config_file (\S+) ", file.read_text(), re.MULTILINE
    )
    assert command and command[1] == f"conf/accelerate/{file.name}"
