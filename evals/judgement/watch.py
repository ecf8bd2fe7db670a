"""A glance at which problems a model solves while it trains, of the lengths of training and longer ones."""

from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.judgement.decode import greedy
from core.judgement.solutions import Writer
from core.worlds.worked.families import problems

INSIDE, LONGER = "inside", "longer"
USE = "curves"


class SolvedWatch:
    """Shares of problems solved greedily, the same ones each time: `inside` and `longer`.

    Training looks every `every` steps.
    """

    def __init__(
        self,
        *,
        every: int,
        num_problems: int,
        seed: int,
        families: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_tokens: int = 120,
    ):
        self.every, self.tokenizer, self.max_tokens = every, tokenizer, max_tokens
        self.asked = {
            where: problems(
                f"{seed}/{USE}",
                num_problems,
                list(families),
                part="evaluation",
                longer=where == LONGER,
            )
            for where in (INSIDE, LONGER)
        }

    def __call__(self, model: PreTrainedModel) -> dict[str, float]:
        """Shares solved; the model is left as it was."""
        writer = Writer(model, self.tokenizer, most=self.max_tokens)
        found = {}
        for where, asked in self.asked.items():
            replies = greedy(writer, writer.prompts(asked))
            right = [
                writer.judged(problem, [], reply.written).right
                for problem, reply in zip(asked, replies, strict=True)
            ]
            found[where] = sum(right) / len(right)
        return found
