"""Options as Python values, spelled as they would be typed."""

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from core.errors import UserError


def overrides_of(lines: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """What would be typed for `options`, Python values by name, after `lines`; of two for one key the last.

    A mapping stands for options of its own: ``student={"num_hidden_layers": 2}`` is
    ``student.num_hidden_layers=2``. Raises UserError for a value that no configuration can hold.
    """
    typed = [*lines, *_typed(options)]
    return list({line.partition("=")[0].strip(): line for line in typed}.values())


def _typed(options: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from _typed(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={_spelled(value, f'{prefix}{name}')}"


def _spelled(value: Any, name: str) -> str:
    """A Python value in the grammar of Hydra's overrides."""
    from hydra.core.override_parser.types import Quote, QuotedString

    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    # Those of NumPy too, whose own spelling isn't a number's.
    if isinstance(value, Integral):
        return repr(int(value))
    if isinstance(value, Real):
        return repr(float(value))
    if isinstance(value, str | Path):
        return QuotedString(str(value), Quote.single).with_quotes()
    if isinstance(value, list | tuple):
        return f"[{','.join(_spelled(item, name) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{_spelled(item, name)}' for key, item in value.items())}}}"
    raise UserError(f"{name}: a configuration can't hold a {type(value).__name__}")
