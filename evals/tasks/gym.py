"""reasoning-gym as documents of lm-eval: generated anew from a seed, scored by its own scorers.

Stojanovski et al., "REASONING GYM: Reasoning Environments for Reinforcement Learning with
Verifiable Rewards" (arXiv 2505.24760).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from datasets import Dataset

from core.errors import UserError

SEED = 0


def load(generator: str, num_items: int = 100, **_: object) -> dict[str, Dataset]:
    """The first items of one generator, the same each time, as the split `test`.

    Raises UserError when reasoning-gym isn't installed.
    """
    rows = []
    for index in range(num_items):
        item = _items(generator)[index]
        question = item["question"].strip()
        rows.append(
            {"generator": generator, "index": index}
            | {"question": question, "answer": item["answer"]}
        )
    return {"test": Dataset.from_list(rows)}


@lru_cache
def _items(generator: str) -> Any:
    try:
        import reasoning_gym
    except ImportError as error:
        raise UserError(
            f"reasoning-gym isn't here ({error}): pip install -c constraints.txt -e '.[reasoning]'"
        ) from None
    return reasoning_gym.create_dataset(generator, seed=SEED)  # an item is made when asked for


def score(document: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """`score` of what a model generated, between 0 and 1, by the generator's own scorer."""
    items = _items(document["generator"])
    try:
        value = items.score_answer(results[0].strip(), items[document["index"]])
    except ValueError:  # some scorers can't read an answer that isn't of their form
        value = 0.0
    return {"score": float(value)}
