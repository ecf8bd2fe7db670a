"""Problems that a toy model solves by luck: half of what it writes comes out right."""

from dataclasses import dataclass

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.judgement.solutions import Writer
from core.worlds.worked.problem import Problem

ENDS = set(range(60))  # one token in five


@dataclass(frozen=True)
class Coin(Problem):
    """Solved by a text whose number of characters is even."""

    def is_solved(self, text: str) -> bool:
        return len(text) % 2 == 0


def coins_of(step: str) -> list[Problem]:
    """Six problems, solved in the one step."""
    prompts = [f"Turn around: {a} {b}" for a in ("red", "blue", "green") for b in ("tall", "round")]
    return [Coin("coin", 1, prompt, lambda done: (step,)) for prompt in prompts]


def writer_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, most: int = 12) -> Writer:
    """A toy model that ends a text as one token in five."""
    writer = Writer(model, tokenizer, most=most)
    writer.ends = writer.check.ends = set(ENDS)
    return writer
