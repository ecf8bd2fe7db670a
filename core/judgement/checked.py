"""The checkers of worked problems, asked in tokens."""

from collections.abc import Collection, Iterable, Sequence

from transformers import PreTrainedTokenizerBase

from core.errors import UserError
from core.models.tokens import before_end
from core.worlds.worked.families import FAMILIES, problem_of
from core.worlds.worked.problem import Problem


class Checker:
    """Judges what is written behind a prompt: 1 for the right answer, else 0.

    What lacks an end was cut, and counts as wrong whatever it says.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, ends: Collection[int]):
        self.tokenizer, self.ends = tokenizer, set(ends)
        self.known: dict[tuple[int, ...], Problem] = {}

    def __call__(self, prompt: Sequence[int], written: Sequence[int]) -> float:
        """Raises UserError for a prompt of no family with a checker."""
        if not written or written[-1] not in self.ends:
            return 0.0
        key = tuple(prompt)
        if key not in self.known:
            self.known[key] = checked_problem(self.text(prompt))
        return float(self.known[key].is_solved(self.text(written)))

    def text(self, ids: Sequence[int]) -> str:
        """The text of tokens, without special ones and what follows an end."""
        cut = before_end(ids, self.ends)
        return str(self.tokenizer.decode(cut, skip_special_tokens=True)).strip()


def checked_problem(prompt: str) -> Problem:
    """The problem that a prompt states. Raises UserError for one of no family with a checker."""
    found = problem_of(prompt)
    if found is None:
        raise UserError(
            f"'{prompt[:60]}' is of no family with a checker, so nothing says whether it is solved; "
            f"families with one: {', '.join(FAMILIES)}; corpus=worked has them"
        )
    return found


def check_prompts(prompts: Iterable[str]) -> None:
    """Raise UserError for the first prompt of no family with a checker."""
    for prompt in prompts:
        checked_problem(prompt)
