"""The options of an arm: what it may say, and that each of it is read."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from core.config.options import check_value, flatten
from core.errors import UserError, nearest

NEEDED = ("corpus", "teacher", "regularizers")
OTHERS = ("start", "sources", "made_by", "outcome", "student", "distill", "train", "watch")
SIZES = (
    *("num_hidden_layers", "hidden_size", "intermediate_size"),
    *("num_attention_heads", "num_key_value_heads"),
)
A_SLIP = 0.8  # so much alike are a size and its misspelling; another size is for the architecture to know


def check_options(cfg: DictConfig, name: str) -> None:
    """Raise UserError for an option of the arm that nothing reads, one that is missing, and a wrong value.

    What it builds (`made_by`, `watch`, its regularizers' settings) is checked where that is built.
    """
    place, arm = f"arms.{name}", cfg.arms[name]
    if not OmegaConf.is_dict(arm):
        raise UserError(
            f"{place} takes a mapping such as {{corpus: full, teacher: true, regularizers: null}},"
            f" not '{'null' if arm is None else arm}'"
        )
    said: Any = OmegaConf.to_container(arm, resolve=False)
    for key in said:
        if key not in (*NEEDED, *OTHERS):
            hint = (
                nearest(str(key), (*NEEDED, *OTHERS))
                or f"; an arm has {', '.join(NEEDED + OTHERS)}"
            )
            raise UserError(f"no option '{place}.{key}'{hint}")
    for key in NEEDED:
        if key not in said:
            raise UserError(f"{place}.{key} is needed: conf/arms/core.yaml is an example")
    if not isinstance(said["regularizers"], dict | list | None):
        given = said["regularizers"]
        raise UserError(f"{place}.regularizers takes a list such as [a,b], not '{given}'")
    base: Any = OmegaConf.to_container(cfg.distill, resolve=False)
    _check_part(f"{place}.distill", said.get("distill"), base)
    _check_part(f"{place}.train", said.get("train"), base["train"])
    _check_part(f"{place}.outcome", said.get("outcome"), {"group": 4})
    _check_student(place, said.get("student"))


def _check_part(place: str, given: Any, base: Mapping[str, Any]) -> None:
    """Check what an arm lays over a section: the names, and the types by the section's own values."""
    defaults = {place: base} | {f"{place}.{key}": value for key, value in flatten(base)}
    if given is None:
        return
    for key, _ in flatten(given) if isinstance(given, dict) else ():
        if f"{place}.{key}" not in defaults:
            hint = nearest(f"{place}.{key}", defaults) or f"; {place} may have {', '.join(base)}"
            raise UserError(f"no option '{place}.{key}'{hint}")
    check_value(place, given, defaults, str(given))


def _check_student(place: str, given: Any) -> None:
    known = ("start", *SIZES)
    for key in given or {}:
        hint = nearest(str(key), known, cutoff=A_SLIP)
        if key not in known and hint:
            raise UserError(f"no option '{place}.student.{key}'{hint}")
