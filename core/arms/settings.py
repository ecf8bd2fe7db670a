"""What the configuration says of an arm: its corpus, where it starts, its regularizers."""

from collections.abc import Iterable
from typing import Any

from omegaconf import DictConfig

from core.arms.arm_options import check_options
from core.config.build import build
from core.config.compose import CONF
from core.corpus.stage import FULL, OUTSIDE
from core.errors import UserError, nearest
from core.runs.artifacts import arm_name, plain
from core.signal.divergence import divergence_of
from core.training.regularizer import Regularizer

VARIANTS = (FULL, "deduplicated", "never_exposed", "rebound")  # of the corpus
SIGNALS = ("live", "cached")


def arm_of(cfg: DictConfig) -> DictConfig:
    """The settings of the arm that the configuration names; raises UserError for an unknown one."""
    name = arm_name(cfg)
    if name not in cfg.arms:
        known = ", ".join(cfg.arms)
        raise UserError(f"arm={name} isn't among arms=[{known}]{nearest(name, cfg.arms)}")
    return cfg.arms[name]


def check_arms(cfg: DictConfig) -> None:
    """Raise UserError for an arm that says what nothing reads, or names what doesn't exist."""
    # One that is shipped but not among those chosen now is simply not used.
    known = {*cfg.forgetting, *_shipped("forgetting")}
    _check_lesson(plain(cfg.distill), "distill")
    for name, arm in cfg.arms.items():
        check_options(cfg, str(name))
        if arm.get("distill"):
            _check_lesson({**plain(cfg.distill), **plain(arm.distill)}, f"arms.{name}.distill")
        variants = (*VARIANTS, *(f"{OUTSIDE}{fold}" for fold in range(cfg.variants.num_folds)))
        if arm.corpus not in variants:
            hint = nearest(str(arm.corpus), variants) or f"; choose {', '.join(variants)}"
            raise UserError(f"arms.{name}.corpus={arm.corpus}: no such corpus{hint}")
        if arm.get("start") and (arm.start not in cfg.arms or arm.start == name):
            others = [other for other in cfg.arms if other != name]
            raise UserError(
                f"arms.{name}.start={arm.start}: no other arm has that name{nearest(arm.start, others)}"
            )
        for regularizer in arm.regularizers or []:
            if regularizer not in known:
                hint = nearest(str(regularizer), known) or f"; known: {', '.join(sorted(known))}"
                raise UserError(f"arms.{name}.regularizers: no regularizer '{regularizer}'{hint}")


def _shipped(group: str) -> set[str]:
    return {file.stem for file in (CONF / group).glob("*.yaml")}


def _check_lesson(settings: dict[str, Any], place: str) -> None:
    """Raise UserError for a signal or a divergence that there isn't."""
    if settings["signal"] not in SIGNALS:
        hint = nearest(str(settings["signal"]), SIGNALS) or f"; choose {' or '.join(SIGNALS)}"
        raise UserError(f"{place}.signal={settings['signal']}: no such signal{hint}")
    divergence_of(settings["divergence"], settings["jsd_beta"])


def check_named_arms(cfg: DictConfig, there: Iterable[str] = ()) -> None:
    """Raise UserError where `ask.arms` or `value.arms` names what is no arm, shipped or `there`.

    One that isn't among those chosen now is simply not measured, as with the core by default.
    """
    known = {"teacher", *map(str, cfg.arms), *_shipped("arms"), *there}
    for section in ("ask", "value"):
        for name in cfg[section].arms:
            if name not in known:
                hint = nearest(str(name), known) or f"; arms are {', '.join(sorted(known))}"
                raise UserError(f"{section}.arms: no arm '{name}'{hint}")


def sizes_cut(cfg: DictConfig) -> list[dict[str, Any]]:
    """The sizes of the students that start as a cut of the teacher, each once."""
    found: list[dict[str, Any]] = []
    for arm in cfg.arms.values():
        student = {**plain(cfg.student), **(plain(arm.get("student")) or {})}
        start = student.pop("start")
        sizes = {key: value for key, value in student.items() if value is not None}
        if start == "teacher" and "made_by" not in arm and sizes not in found:
            found.append(sizes)
    return found


def forgetting_of(cfg: DictConfig, arm: Any) -> dict[str, dict[str, Any]]:
    """What the arm's regularizers are built from, by name and in the order of `forgetting`.

    All of `forgetting`, or those that the arm lists; an arm that maps their names to settings lays these
    over those of `forgetting`, so that arms may differ in strength.
    """
    if not arm.teacher:
        return {}
    chosen = plain(arm.regularizers)
    if chosen is None:
        chosen = list(cfg.forgetting)
    changes = chosen if isinstance(chosen, dict) else dict.fromkeys(chosen)
    return {
        name: {**plain(settings), **(changes[name] or {})}
        for name, settings in cfg.forgetting.items()
        if name in changes
    }


def regularizers_of(cfg: DictConfig, arm: Any) -> dict[str, Regularizer]:
    """The arm's regularizers by name."""
    return {name: build(settings) for name, settings in forgetting_of(cfg, arm).items()}
