"""Overrides in, checked configuration out.

Hydra composes; what is added here is that a slip is named with the nearest right word, and that a
value is compared with the type of the option's default before anything runs.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import conf
from core.config.hydra_calls import choices_of, parsing, points, sweeper_of
from core.config.options import check, check_delete, check_texts, flatten, takes_text, takes_texts
from core.config.ranges import check_ranges
from core.config.typed_text import check_encoding, text_as_typed, texts_as_typed
from core.config.unchosen import drop, of_another_corpus, plugins_unchosen
from core.errors import UserError, nearest

if TYPE_CHECKING:  # Hydra takes .3 s to import: too long for --help, which needs `flatten`
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

CONF = Path(conf.__file__).parent

RECIPE = "pretrained"  # the experiment of a teacher that brings its memories along


def with_recipe(overrides: Sequence[str]) -> list[str]:
    """The overrides, with the experiment that is made for a pretrained teacher where one is chosen and no
    experiment: the default is a world's of our own, whose teacher and reference are trained from scratch.
    """
    chosen = dict(line.lstrip("+").partition("=")[::2] for line in overrides)
    is_pretrained = chosen.get("teacher", "scratch") not in ("scratch", "null")
    if is_pretrained and "experiment" not in chosen:
        return [f"experiment={RECIPE}", *overrides]
    return list(overrides)


def jobs(overrides: Sequence[str], multirun: bool = False) -> "list[DictConfig]":
    """The configuration of each job: one, or with `multirun` one for each point of the sweep.

    Of a sweep whose points aren't known beforehand, such as Optuna's: what they share. Raises UserError for
    an override that cannot be read, an option, group or choice that does not exist (the nearest is named),
    and a value of another type than the option's default.
    """
    overrides = with_recipe(overrides)
    with _fresh_parsing(overrides) as parser:
        parsed = parser.parse_overrides(_as_typed(overrides, parser, multirun))
        if not multirun:
            return [_compose_one(parsed)]
        fixed = _fixed(parsed)
        if sweeper_of(fixed) != "basic":
            swept = [override for override in parsed if override.is_sweep_override()]
            return [_compose_one(parser.parse_overrides(fixed), swept)]
        # All, before any starts.
        return [_compose_one(parser.parse_overrides(point)) for point in points(parsed)]


def as_typed(overrides: Sequence[str], multirun: bool = False) -> list[str]:
    """The overrides in Hydra's own grammar, with the text of options that take text as it was typed.

    Raises UserError as `jobs` does for what can't be read.
    """
    with _fresh_parsing(overrides) as parser:
        return _as_typed(overrides, parser, multirun)


def _as_typed(overrides: Sequence[str], parser: "OverridesParser", multirun: bool) -> list[str]:
    check_encoding(list(overrides))
    read = {line: _read(parser, line) for line in overrides}
    known = [one for one in read.values() if one is not None and not one.is_delete()]
    settings = [line for line, one in read.items() if one in known and _is_setting(one)]
    groups = [
        line
        for line, one in read.items()
        if one in known and not one.is_sweep_override() and _chooses(one, settings)
    ]
    _, _, defaults = _base(tuple(settings), tuple(groups))
    lines = []
    for line, one in read.items():
        key = line.partition("=")[0].lstrip("+")
        if line in settings or key not in defaults or (one is not None and one.is_delete()):
            lines.append(line)
        elif takes_text(key, defaults[key]):
            lines.append(text_as_typed(line, one, multirun=multirun))
        elif takes_texts(key, defaults[key]) and not (one is not None and one.is_sweep_override()):
            lines.append(texts_as_typed(line))
        else:
            lines.append(line)
    return lines


def _read(parser: "OverridesParser", line: str) -> "Override | None":
    """How Hydra reads a line; None where it can't."""
    from hydra.errors import HydraException

    try:
        return parser.parse_override(line)
    except HydraException:
        return None


def shared(overrides: Sequence[str]) -> "DictConfig":
    """The configuration of a sweep without what is swept."""
    with _fresh_parsing(overrides) as parser:
        lines = _as_typed(with_recipe(overrides), parser, multirun=True)
        return _compose_one(parser.parse_overrides(_fixed(parser.parse_overrides(lines))))


@contextmanager
def _fresh_parsing(overrides: Sequence[str]) -> "Iterator[OverridesParser]":
    """A parser of overrides. What was composed before is kept, unless a file that it was made of may have
    changed: one of ours, or one of a user's own on Hydra's search path.
    """
    is_own = any(line.startswith("hydra.searchpath") for line in overrides)
    state = None if is_own else _state()
    if state is None or state != _made_of.get(CONF):
        _base.cache_clear()
        _choices.cache_clear()
        _made_of.clear()
    if state is not None:
        _made_of[CONF] = state
    with parsing(CONF) as parser:
        yield parser


State = dict[Path, tuple[int, int]]
_made_of: dict[Path, State] = {}  # by folder, the files that the caches were made of


def _state() -> State:
    """When each of our files was written, and its size."""
    told = ((path, path.stat()) for path in CONF.rglob("*.yaml"))
    return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in told}


def _fixed(overrides: "list[Override]") -> list[str]:
    return [str(override.input_line) for override in overrides if not override.is_sweep_override()]


def _compose_one(overrides: "list[Override]", swept: "Sequence[Override]" = ()) -> "DictConfig":
    """What they make; of those that are `swept` beside them, only that there are such options is checked."""
    import hydra
    from omegaconf import OmegaConf

    # Chosen groups first: they decide which options exist and what type each one has.
    lines = {str(o.input_line): o for o in overrides}
    settings = [line for line, override in lines.items() if _is_setting(override)]
    groups = [line for line, o in lines.items() if _chooses(o, settings)]
    base, unchosen, defaults = _base(tuple(settings), tuple(groups))
    groups_there = [folder.name for folder in CONF.iterdir() if folder.is_dir()]
    for line, override in lines.items():
        if line not in settings and line not in groups and not override.is_sweep_override():
            check(override, defaults, groups_there)
    for override in swept:
        if not _chooses(override, settings) and not override.key_or_group.startswith("hydra."):
            check(override, defaults, groups_there)
    if set(lines) <= {*settings, *groups}:
        composed = deepcopy(base)
    else:
        composed = hydra.compose("config", list(lines))
        by_hand = {override.key_or_group for override in overrides}
        drop(composed, [name for name in unchosen if name not in by_hand])
    options = dict(flatten(OmegaConf.to_container(composed, resolve=False)))
    check_texts(options, defaults, _primary())
    check_ranges(options)
    return composed


def _is_setting(override: "Override") -> bool:
    """Whether it is one of Hydra's own."""
    return override.key_or_group.startswith(("hydra.", "hydra/"))


def _primary() -> dict[str, Any]:
    """The options of config.yaml itself, as they stand there."""
    from omegaconf import OmegaConf

    # Not by PyYAML, to which 8e-4 is text.
    loaded = OmegaConf.to_container(OmegaConf.load(CONF / "config.yaml"), resolve=False)
    return dict(flatten(loaded))


@lru_cache  # the same for reading values as typed and for checking them: composing takes .1 s
def _base(
    settings: tuple[str, ...], groups: tuple[str, ...]
) -> "tuple[DictConfig, list[str], dict[str, Any]]":
    """What the chosen groups make: the configuration without the plug-ins that aren't chosen, these, and the
    default of each option.
    """
    import hydra
    from omegaconf import OmegaConf

    base = hydra.compose("config", [*settings, *groups])
    unchosen = [*plugins_unchosen(base), *of_another_corpus(base, settings, groups)]
    drop(base, unchosen)
    return base, unchosen, dict(flatten(OmegaConf.to_container(base, resolve=False)))


@lru_cache
def _choices(group: str, settings: tuple[str, ...]) -> list[str]:
    return choices_of(group, list(settings))


def _chooses(override: "Override", settings: list[str]) -> bool:
    """Whether `override` names a group. Raises UserError for a choice that the group lacks.

    Hydra itself passes over a choice that is missing where the default is optional.
    """
    group = override.key_or_group
    options = _choices(group, tuple(settings))
    if options and override.is_delete():
        check_delete(group, {})
    if options and not override.is_sweep_override():
        chosen = override.value()
        for choice in chosen if isinstance(chosen, list) else [chosen]:
            folder, _, name = f"{group}/{choice}".rpartition("/")
            there = _choices(folder, tuple(settings))
            if choice is not None and name not in there:
                hint = nearest(name, there) or ";"
                raise UserError(
                    f"{folder} has no choice '{name}'{hint} choices: {', '.join(there)}"
                )
    return bool(options)


def ready(cfg: "DictConfig") -> "DictConfig":
    """`cfg` itself, complete. Raises UserError for a value that is still needed or can't be resolved.

    A run that is named by its whole path has that folder, also in what is said after `runs_dir`. Raises
    UserError for one that has no folder of its own, as where `run=` is empty.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        for key in sorted(OmegaConf.missing_keys(cfg)):
            example = "FILE" if key.endswith("path") else "VALUE"
            raise UserError(f"{key} is needed: add {key}={example}")
        if (folder := Path(str(cfg.run))).is_absolute():
            cfg.runs_dir, cfg.run = str(folder.parent), folder.name
        _check_run(str(cfg.runs_dir), str(cfg.run))
        OmegaConf.resolve(cfg.copy())  # a copy, so that what follows the seed goes on following it
    except OmegaConfBaseException as error:
        raise UserError(
            f"{error.full_key}: {str(error).splitlines()[0]}; for a dollar sign before a brace write \\${{"
        ) from None
    return cfg


def _check_run(runs_dir: str, run: str) -> None:
    """Raise UserError unless the run has a folder of its own in `runs_dir`."""
    if not runs_dir.strip():
        raise UserError("runs_dir= is empty: name a folder, as in runs_dir=runs")
    inside = os.path.normpath(run.strip() or ".")
    if inside == "." or ".." in Path(inside).parts:
        raise UserError(f"run={run} names no folder in {runs_dir}: give a name, as in run=mine")
