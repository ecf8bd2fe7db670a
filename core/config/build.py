"""The only place where a configuration makes an object.

A `_target_` is code that a YAML file asks to call, so it has to lie in one of the allowed packages;
anything else is refused before it is imported.
"""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from core.errors import UserError, nearest

LIBRARIES = ("transformers.", "torch.optim.")
# The rooms of core that hold what is chosen; others write and remove files, or run things.
ROOMS = ("arms", "corpus", "export", "models.sources", "worlds", "writing")
ALLOWED_PREFIXES = (*(f"core.{room}." for room in ROOMS), "forgetting.", "evals.", *LIBRARIES)
FORBIDDEN_PREFIXES = ("transformers.dynamic_module_utils.",)  # would run what a model brings along


def build(
    cfg: DictConfig | Mapping[str, Any], /, *, allowed: Sequence[str] = (), **kwargs: Any
) -> Any:
    """Call `cfg`'s `_target_` with its other keys and `kwargs`, nested targets first.

    Lists and mappings arrive as plain Python containers, and `kwargs` as they are, never copied.
    `allowed` adds a user's own packages, such as ``["mypkg."]``. Raises UserError for a target that
    is not allowed or does not exist, and for an argument that it does not take or refuses.
    """
    # Resolving the whole config here keeps interpolations to the parent alive.
    plain = OmegaConf.to_container(cfg, resolve=True) if isinstance(cfg, DictConfig) else dict(cfg)
    assert isinstance(plain, dict)
    if "_target_" not in plain:
        raise UserError(f"no _target_ among {', '.join(map(str, plain))}: name what to build")
    given = _as_text(plain) if isinstance(cfg, DictConfig) else plain
    prefixes = (*ALLOWED_PREFIXES, *(prefix.rstrip(".") + "." for prefix in allowed))
    for node in _targets(plain):
        names = {str(name) for name in node if not str(name).startswith("_")}
        names |= set(kwargs) if node is plain else set()
        _check(node["_target_"], prefixes, names)
        if not node.get("_partial_") and "_args_" not in node:
            _check_complete(node["_target_"], names)
    try:
        # Partial, so that models and corpora in `kwargs` never pass through a config.
        factory = instantiate(given, _partial_=True, _convert_="all")
        factory = functools.partial(factory, **kwargs)
        return factory if plain.get("_partial_") else factory()
    except Exception as error:
        cause = error.__cause__ if isinstance(error, InstantiationException) else error
        if isinstance(cause, UserError):
            raise cause from None
        # What a library's constructor refuses is a value of the configuration.
        refusal = (StrictDataclassError, ValueError)
        if isinstance(cause, refusal) and plain["_target_"].startswith(LIBRARIES):
            reason = str(cause).strip().splitlines()[-1].strip()
            raise UserError(f"{plain['_target_']}: {reason}") from cause
        raise


def _as_text(node: Any) -> Any:
    """What is resolved already, so that it isn't again: `${` in a path, say, is text now."""
    if isinstance(node, dict):
        return {key: _as_text(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_as_text(item) for item in node]
    # Hydra resolves twice, so what is text is escaped twice.
    return node.replace("${", r"\\\${") if isinstance(node, str) else node


def _targets(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping with a `_target_` in `node`, at any depth, the outermost first."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield node
        for child in node.values():
            yield from _targets(child)
    elif isinstance(node, list | tuple):
        for child in node:
            yield from _targets(child)


def _check(target: str, prefixes: tuple[str, ...], names: set[str]) -> None:
    """Refuse a target that is not allowed, does not exist or does not take `names`."""
    private = any(part.startswith("_") for part in str(target).split("."))
    if private or not _lies_in(target, prefixes):
        raise UserError(f"_target_ '{target}' is not allowed: it starts with {', '.join(prefixes)}")
    found = _locate(target)
    # Where it was defined, since a module's own imports (`core.x.os.system`) are its attributes.
    home = f"{getattr(found, '__module__', None)}."
    if not callable(found) or not _lies_in(home, prefixes):
        raise UserError(f"_target_ '{target}' is not a class or function of an allowed package")
    taken = _arguments(found)
    for name in sorted(names - set(taken)) if taken is not None else ():
        hint = nearest(name, taken or ()) or f"; it takes {', '.join(taken or ['none'])}"
        raise UserError(f"{target} takes no argument '{name}'{hint}")


def arguments_of(target: str) -> list[str] | None:
    """The names that a `_target_` takes; None where it takes any. Raises UserError as `build` does."""
    _check(target, ALLOWED_PREFIXES, set())
    return _arguments(_locate(target))


def _check_complete(target: str, names: set[str]) -> None:
    """Refuse a target that needs more than `names`, as where one was taken out by `~`."""
    try:
        parameters = inspect.signature(_locate(target)).parameters.values()
    except ValueError:
        return
    for one in parameters:
        is_variadic = one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        if one.default is one.empty and not is_variadic and one.name not in names:
            raise UserError(f"{target} needs '{one.name}': give it a value")


def _arguments(found: Any) -> list[str] | None:
    try:
        parameters = inspect.signature(found).parameters
    except ValueError:  # written in C, without a signature
        return None
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return None if takes_any else list(parameters)


def _lies_in(path: str, prefixes: tuple[str, ...]) -> bool:
    return str(path).startswith(prefixes) and not str(path).startswith(FORBIDDEN_PREFIXES)


def _locate(target: str) -> Any:
    """The object at a dotted path. Raises UserError naming the nearest word where it breaks off."""
    parts = target.split(".")
    found: Any = _import(parts[0])
    for end, part in enumerate(parts[1:], start=2):
        parent, path = found, ".".join(parts[:end])
        found = getattr(parent, part, None)
        if found is None and isinstance(parent, ModuleType):
            found = _import(path)
        if found is None:
            known = [*dir(parent), *(m.name for m in pkgutil.iter_modules(_folders(parent)))]
            raise UserError(f"no '{part}' in {'.'.join(parts[: end - 1])}{nearest(part, known)}")
    return found


def _import(path: str) -> ModuleType | None:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        # Only this module's own absence is a slip of the user's; a missing import in it is not.
        if error.name is None or not f"{path}.".startswith(f"{error.name}."):
            raise
        if "." in path:
            return None
        raise UserError(f"no module '{path}': is it on PYTHONPATH?") from None


def _folders(module: Any) -> list[str]:
    return list(getattr(module, "__path__", []))
