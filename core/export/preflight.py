"""Everything that stands in the way of an export, found before any work and said at once."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from core.errors import UserError
from core.export.format import Format
from core.export.prompts import Prompt
from core.export.source import Source

MARGIN = 2**24  # bytes beside the weights: tokenizer, picture, card


def check(
    source: Source, formats: Mapping[str, Format], prompts: list[Prompt], target: Path
) -> None:
    """Raise UserError with all that speaks against writing these formats into the folder `target`."""
    problems = list(_checkpoint_problems(source))
    needed = MARGIN
    for name, format in formats.items():
        found = [f"{name}: {line}" for line in format.problems(source, prompts)]
        problems += found
        needed += 0 if found else format.size(source)
    problems += _space_problems(target, needed)
    if problems:
        raise UserError(f"can't export {source.folder}: " + "; ".join(problems))


def _checkpoint_problems(source: Source) -> Iterator[str]:
    """Weights that a stock architecture lacks, and ones tied in a way that no format can say."""
    model: Any = source.model
    tied = bool(getattr(model.config, "tie_word_embeddings", False))
    if source.added:
        yield (
            f"{len(source.added)} weights aren't {type(model).__name__}'s, such as {source.added[0]}:"
            " fold or drop what training added"
        )
    inputs, output = model.get_input_embeddings(), model.get_output_embeddings()
    # Where the checkpoint has both, and they differ, transformers passes over what its configuration says.
    if tied and output is not None and not torch.equal(inputs.weight, output.weight):
        yield (
            "the output weights differ from the embeddings that config.json ties them to:"
            " set tie_word_embeddings to false there"
        )
    places: dict[int, list[str]] = {}
    for name, weight in model.named_parameters(remove_duplicate=False):
        places.setdefault(weight.data_ptr(), []).append(name)
    ends = {id(end.weight) for end in (inputs, output) if end is not None}
    for names in places.values():
        first = model.get_parameter(names[0])
        if len(names) > 1 and first.numel() and not (tied and id(first) in ends):
            yield f"{' and '.join(names)} are one weight, which no format can say: untie them"


def _space_problems(target: Path, needed: int) -> Iterator[str]:
    """Too little room on the disk that `target` will lie on."""
    place = target
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        yield (
            f"{place} has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} GB are needed:"
            " free some, or choose another runs_dir"
        )
