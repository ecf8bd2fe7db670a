"""What an option takes: a number, text, a list; by its default, or where that doesn't tell by its name."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from core.config.ranges import NULLABLE
from core.errors import UserError, nearest

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

# What an option takes, by the type of its default.
TAKES: dict[type, tuple[str, tuple[type, ...]]] = {
    bool: ("true or false", (bool,)),
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    str: ("one word or text", (str, int, float, bool)),
    list: ("a list such as [a,b]", (list,)),
    dict: ("a mapping such as {a:1}", (dict,)),
}
# Of options without a default to tell by (null, or an empty list), those that take text: the last part of
# their names. All but the lists may be null.
TEXTS = {
    *(
        "arm",
        "model",
        "show",
        "tasks_path",
        "path",
        "control_path",
        "known",
        "questions",
        "pairs",
        "mix",
        "day",
        "log",
    ),
    *("reference", "prompt", "edit", "start", "subset", "revision"),
    *("text_field", "prompt_field", "completion_field", "source_field"),
}
LISTS = {
    *("styles", "tasks", "trackers", "texts", "passages", "memory_sources", "sources", "kinds"),
    *("relations", "matrices", "regularizers", "arms", "words", "lives", "families"),
}

# Sections to which a user may add: plug-ins, sizes of any architecture, axes.
OPEN = {"arms", "attack", "forgetting", "format", "hydra", "metric", "student", "sweep.objectives"}

RENAMED = {"only": "arm", "eval.metrics": "metric"}  # options of before whose names tell nothing


def takes_text(key: str, default: Any) -> bool:
    """Whether an option takes text, by its name and its default."""
    if isinstance(default, str):
        return "${" not in default
    return default is None and _last(key) in TEXTS


def takes_texts(key: str, default: Any) -> bool:
    """Whether an option takes a list of texts."""
    if isinstance(default, list) and default:
        return all(isinstance(item, str) for item in default)
    return default in (None, []) and _last(key) in LISTS


def may_be_null(key: str) -> bool:
    """Whether null stands for nothing there, and isn't a text of four letters."""
    return _last(key) in TEXTS


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def check(override: "Override", defaults: Mapping[str, Any], groups: Iterable[str]) -> None:
    """Raise UserError for an option that isn't there, or a value of another type than its default."""
    key = override.key_or_group
    is_new = override.is_add() or override.is_force_add()
    if key not in defaults:
        if is_new and not _is_complete(key.rpartition(".")[0], defaults):
            return
        hint = _hint(key, [*defaults, *groups]) or "; --cfg job shows them all"
        raise UserError(f"no option '{key}'{hint}")
    if override.is_delete():
        check_delete(key, defaults)
    if override.is_sweep_override() or override.is_delete():
        return
    shown = str(override.get_value_element_as_str())
    check_value(key, override.value(), defaults, shown, may_add=is_new)


def check_delete(key: str, defaults: Mapping[str, Any]) -> None:
    """Raise UserError for taking out what would be missed: all but plug-ins and what is in them."""
    if key.partition(".")[0] not in {*OPEN, "experiment"} and not _is_built(key, defaults):
        raise UserError(
            f"~{key}: this can't be taken out; give it another value (plug-ins can, as in ~attack.quantize)"
        )


def check_value(
    key: str, given: Any, defaults: Mapping[str, Any], shown: str, *, may_add: bool = False
) -> None:
    """Raise UserError for a value of another type than the option's default, and of a mapping for an option
    in it that isn't there.

    `defaults` by dotted name; `shown` is how the value was written. With `may_add` a mapping may bring
    options that are new, where all of them aren't known.
    """
    default = defaults[key]
    if default is None or (given is None and _takes_null(key, default)):
        return
    if any(isinstance(v, str) and ("${" in v or v == "???") for v in (default, given)):
        return  # known only once interpolations are resolved
    takes, types = TAKES[type(default)]
    # A bool is an int to Python, and to nobody else.
    if not isinstance(given, types) or (isinstance(given, bool) and bool not in types):
        raise UserError(f"{key} takes {takes}, not '{shown}'")
    if not isinstance(given, dict):
        return
    for name, value in given.items():
        inner = f"{key}.{name}"
        if inner in defaults:
            shown = "null" if value is None else str(value)
            check_value(inner, value, defaults, shown, may_add=may_add)
        elif _is_complete(key, defaults):
            known = [option for option in defaults if option.startswith(f"{key}.")]
            hint = nearest(inner, known) or f"; {key} has {', '.join(default)}"
            raise UserError(f"no option '{inner}'{hint}")
        elif not may_add:
            raise UserError(f"no option '{inner}'; to add one, put + before {key}")


def _takes_null(key: str, default: Any) -> bool:
    """Whether null may be given for an option that has another default: for text, and where it says so.

    What an arm lays over the configuration may be nothing.
    """
    of_arm = key.startswith("arms.") and key.count(".") > 1 and isinstance(default, dict)
    return isinstance(default, str) or _last(key) in NULLABLE or of_arm


def _is_complete(section: str, defaults: Mapping[str, Any]) -> bool:
    """Whether a section has all of its options by default, so that another one would never be read.

    Not what a constructor takes, which knows its own arguments, nor what is for the user to name.
    """
    is_open = section.partition(".")[0] in OPEN or section in OPEN
    return bool(defaults.get(section)) and not _is_built(section, defaults) and not is_open


def _is_built(key: str, defaults: Mapping[str, Any]) -> bool:
    """Whether it, or a section above it, has a `_target_`, which knows its own arguments."""
    parts = key.split(".")
    above = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
    return any(f"{one}._target_" in defaults for one in above)


def _hint(key: str, known: Iterable[str]) -> str:
    """A hint at the option that was meant: one of the same last name in another section, or the nearest."""
    known = list(known)
    if key in RENAMED:
        return f"; did you mean '{RENAMED[key]}'?"
    same = [option for option in known if _last(option) == _last(key)]
    return nearest(key, same, cutoff=0) or nearest(key, known)


def check_texts(
    options: Mapping[str, Any], defaults: Mapping[str, Any], primary: Mapping[str, Any]
) -> None:
    """Raise UserError for a number where text belongs, as a YAML file without quotes may have it.

    `primary` are the options of config.yaml: what is text there stays text, whatever an experiment makes it.
    """
    for key, value in options.items():
        default = defaults.get(key)
        if isinstance(value, list):
            is_text = takes_texts(key, default) or _last(key) in LISTS
        else:
            is_text = any(takes_text(key, one) for one in (default, primary.get(key), None))
        items = value if isinstance(value, list) else [value]
        if is_text and any(isinstance(item, bool | int | float) for item in items):
            raise UserError(f"{key} takes text, and {value} was read as a number: put it in quotes")


def flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted key below `node` with its value, inner nodes included."""
    for name, value in node.items():
        yield f"{prefix}{name}", value
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
