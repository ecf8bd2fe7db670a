"""What an option may be beyond its type: the least number, and a word of a few.

By name, since an option of one name means the same in every section: `distill.train.batch_size` and the
`batch_size` of an arm's own `train`. A count starts with `num_`, and none is below 0.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import UserError, nearest

# The least that an option takes, by the end of its name; the longest that fits counts.
LEAST: Mapping[str, int] = {
    **dict.fromkeys(("seed", "warmup", "every", "steps", "prefix_tokens"), 0),
    **dict.fromkeys(("context_tokens", "dream_nights", "repeats"), 0),
    **dict.fromkeys(("batch_size", "accumulation", "log_steps", "save_steps", "copies.every"), 1),
    **dict.fromkeys(("vocab_size", "shard_tokens", "shard_sequences", "top_k", "num_readings"), 1),
    **dict.fromkeys(("num_rows", "num_sequences", "num_samples", "bits", "counts"), 1),
    **dict.fromkeys(("watch.num_probes", "export.num_prompts", "export.num_tokens"), 1),
    "sequence_length": 2,  # one token and what follows it
    **dict.fromkeys(("learning_rate", "learning_rates", "embedding_learning_rate"), 0),
    **dict.fromkeys(("weight_decay", "stop.recall", "stop.reasoning"), 0),
}
# The most: what libraries count with, and for a row what memory holds.
MOST: Mapping[str, int] = {
    **dict.fromkeys(("seed", "seeds", "vocab_size"), 2**31 - 1),
    "sequence_length": 2**24,
}
MOST_AT_ALL = 2**63 - 1
NOT_WHOLE = {"learning_rate", "learning_rates", "embedding_learning_rate", "weight_decay"}
NOT_WHOLE |= {"stop.recall", "stop.reasoning"}
FILLED = {"steps", "learning_rates", "prefix_tokens", "bits", "counts", "num_samples"}
# Numbers, lists and mappings for which null stands for something, whatever their default is.
NULLABLE = {
    *("num_rows", "num_sequences", "num_facts", "jobs", "threads", "confidence_floor", "layers"),
    *("embedding_learning_rate", "matrices", "kinds", "relations", "sources", "regularizers"),
    *("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "hidden_size"),
    *("intermediate_size", "objectives", "protected", "learn", "stop", "recall", "reasoning"),
    "days",
}
# The schedules of transformers that need no more than these settings.
SCHEDULES = (
    *("linear", "cosine", "cosine_with_restarts", "polynomial", "constant"),
    *("constant_with_warmup", "inverse_sqrt"),
)
CHOICES: Mapping[str, tuple[str, ...]] = {"schedule": SCHEDULES}
DIRECTIONS = ("minimize", "maximize")


def check_ranges(options: Mapping[str, Any]) -> None:
    """Raise UserError for a value that no work can be done with; `options` by their dotted names."""
    for key, value in options.items():
        for item in _items(key, value):
            _check_number(key, item)
            _check_size(key, item)
            _check_choice(key, item)


def _items(key: str, value: Any) -> Iterator[Any]:
    """What is to be checked of a value: itself, or each of a list; nothing that is known only later."""
    if value == [] and _last(key) in FILLED:
        raise UserError(f"{key}=[]: choose at least one")
    for item in value if isinstance(value, list) else [value]:
        known_later = isinstance(item, str) and ("${" in item or item == "???")
        if not isinstance(item, dict | list) and not known_later:
            yield item


def _check_size(key: str, value: Any) -> None:
    """Raise UserError for what is no number to calculate with, or more than a library can count."""
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{key}={value}: choose a finite number")
    most = MOST.get(_last(key), MOST_AT_ALL)
    if isinstance(value, int | float) and value > most:
        raise UserError(f"{key}={value}: choose at most {most}")


def _check_number(key: str, value: Any) -> None:
    name = _ruled_by(key)
    if name is None or (value is None and _last(key) in NULLABLE):
        return
    is_whole = name not in NOT_WHOLE
    if isinstance(value, bool) or not isinstance(value, int if is_whole else int | float):
        shown = "null" if value is None else value
        raise UserError(
            f"{key} takes {'a whole number' if is_whole else 'a number'}, not '{shown}'"
        )
    least = LEAST.get(name, 0)
    if not value >= least:  # nor is what isn't a number at all
        raise UserError(f"{key}={value}: choose at least {least}")


def _ruled_by(key: str) -> str | None:
    """The name by which an option is a number with a least; None for another option."""
    two = ".".join(key.split(".")[-2:])
    return next((n for n in (two, _last(key)) if n in LEAST or n.startswith("num_")), None)


def _check_choice(key: str, value: Any) -> None:
    if key == "sweep.objectives" and value is not None:
        raise UserError(f"{key} takes a mapping such as {{recall: minimize}}, not '{value}'")
    of_objectives = key.startswith("sweep.objectives.")
    choices = DIRECTIONS if of_objectives else CHOICES.get(_last(key))
    if choices is not None and value not in choices:
        shown = "null" if value is None else value
        hint = nearest(str(value), choices) or f"; choose {', '.join(choices)}"
        raise UserError(
            f"{key}={shown}: no such {'direction' if of_objectives else _last(key)}{hint}"
        )


def _last(key: str) -> str:
    return key.rpartition(".")[2]
