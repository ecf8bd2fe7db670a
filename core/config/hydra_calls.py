"""What Winnow asks of Hydra beyond its public interface; a test holds each to what is expected of it.

Hydra's own interface composes, but neither parses an override by itself, nor splits a sweep into its points,
nor runs inside an application that has a Hydra of its own. Nor does it read YAML by libyaml, which takes a
tenth of the time: half of composing is reading files.
"""

import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UserError

if TYPE_CHECKING:  # Hydra takes .3 s to import: too long for --help
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import Override

# How Hydra misses one of those that come with the extra `sweep`.
PLUGIN = r"hydra/(sweeper|launcher)/(optuna|joblib)"


@contextmanager
def parsing(folder: Path) -> "Iterator[OverridesParser]":
    """A parser of overrides of what the folder has; what Hydra refuses meanwhile is a UserError."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    with session(folder):
        try:
            yield OverridesParser.create(GlobalHydra.instance().config_loader())
        except OverrideParseException as error:
            raise UserError(
                f"cannot read '{error.override}': write key=value, and quote what isn't a word or a number,"
                """ as in key="'a b'\""""
            ) from None
        except (HydraException, OmegaConfBaseException) as error:
            if re.search(PLUGIN, str(error)):
                raise UserError(
                    "this sweep needs Hydra's plug-ins: pip install -c constraints.txt -e '.[sweep]'"
                ) from None
            lines = str(error).splitlines()
            # `+` for what was misspelt would only have it passed over.
            told = [line for line in lines if not line.startswith("To append to your config use")]
            raise UserError(" ".join(told)) from None


@contextmanager
def session(folder: Path) -> Iterator[None]:
    """Hydra, reading the folder; left as it was found: whoever calls us may be an application of its own."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.singleton import Singleton
    from hydra.core.utils import JobRuntime
    from hydra.version import VersionBase

    kinds: tuple[type, ...] = (GlobalHydra, JobRuntime, VersionBase)
    instances = Singleton._instances
    theirs = {kind: instances.pop(kind) for kind in kinds if kind in instances}
    try:
        with (
            reading_fast(),
            initialize_config_dir(str(folder), job_name="winnow", version_base="1.3"),
        ):
            yield
    finally:
        for kind in kinds:
            instances.pop(kind, None)
        instances.update(theirs)


@contextmanager
def reading_fast() -> Iterator[None]:
    """Let OmegaConf read YAML by libyaml, where PyYAML was built with it."""
    from omegaconf import _utils

    slow = _utils.get_yaml_loader
    _utils.get_yaml_loader = _by_libyaml(slow)
    try:
        yield
    finally:
        _utils.get_yaml_loader = slow


@lru_cache
def _by_libyaml(slow: Callable[[], Any]) -> Callable[[], Any]:
    """What makes OmegaConf's own loader, with its rules, but with libyaml's parser."""
    import yaml

    loader = slow()
    if not yaml.__with_libyaml__:
        return slow
    parser: Any = importlib.import_module("yaml.cyaml").CParser
    if issubclass(loader, parser):
        return slow

    def start(self: Any, stream: Any) -> None:
        parser.__init__(self, stream)
        yaml.constructor.SafeConstructor.__init__(self)
        yaml.resolver.Resolver.__init__(self)

    fast = type("Loader", (parser, loader), {"__init__": start})
    return lambda: fast


def sweeper_of(lines: list[str]) -> str:
    """The name of the sweeper that the configuration chooses."""
    import hydra

    cfg = hydra.compose("config", lines, return_hydra_config=True)
    return str(cfg.hydra.runtime.choices["hydra/sweeper"])


def points(overrides: "Sequence[Override]") -> list[list[str]]:
    """The overrides of each point of a sweep over all that is given."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    return [list(point) for point in BasicSweeper.split_arguments(list(overrides), None)[0]]


def choices_of(group: str, settings: list[str]) -> list[str]:
    """The choices of a group, of no choice where it is none; `settings` may bring a user's own folders."""
    from hydra.core.global_hydra import GlobalHydra

    loader = GlobalHydra.instance().config_loader()
    return list(loader.get_group_options(group, config_name="config", overrides=settings))
