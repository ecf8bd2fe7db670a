"""What of a day generalizes: what becomes likelier when a copy of the core learns the *other* rows.

The day is cut into two folds that share no text and no name. A copy of the core learns each of them. Of a row
the copy that didn't read it tells what the others teach about it, and the copy that did what it teaches by
itself. What only the row itself teaches is memory. Labels aren't read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.corpus.folds import fold_of_rows
from core.corpus.packing import Encoder, pack
from core.corpus.rows import Row
from core.errors import UserError
from core.models.precision import multiplying
from core.night.likelihood import logprobs

NUM_FOLDS = 2
LEAST_GAIN = 0.2  # nats a token that a form has to gain from other rows to be learned,
LEAST_SHARE = 0.3  # and the share of what its own rows teach
MEMORY_GAP = 1.0  # nats that a token gains from its own row alone to be memory
STILL_GAINS = 0.02  # nats a token, below which a look at the copy counts as no gain


@dataclass(frozen=True)
class Judged:
    """What becomes of each row of a day, by its number, and what was measured of its form.

    `learned` are tasks and documents whose form generalizes, `stored` are documents with tokens that are
    memory; a document may be both. The others are dropped. `gains` holds for each form the nats a token that
    it gained out of its fold and from its own.
    """

    learned: list[int]
    stored: list[int]
    dropped: list[int]
    spans: dict[int, list[tuple[int, int]]] = field(
        default_factory=dict
    )  # of the stored: characters
    gains: dict[str, tuple[float, float]] = field(default_factory=dict)
    gain: float = 0.0  # out of fold, over the tokens of all that is learned


def folds_of(rows: Sequence[Row], seed: int) -> list[int] | None:
    """The fold of each row; None where the day holds together too closely to be cut."""
    try:
        return fold_of_rows(rows, NUM_FOLDS, seed)
    except UserError:
        return None


@dataclass
class DayTokens:
    """The rows of a day as tokens, and what the core makes of them: the yardstick for copies of it."""

    rows: Sequence[Row]
    tokenizer: PreTrainedTokenizerFast
    length: int

    def __post_init__(self) -> None:
        self.sequences: Dataset = pack(
            self.rows, Encoder(self.tokenizer), sequence_length=self.length
        )
        columns = self.sequences.with_format("numpy")
        self.row_ST = np.asarray(columns["row"])
        self.taught_ST = np.asarray(columns["labels"]) >= 0
        self.start_ST, self.end_ST = np.asarray(columns["start"]), np.asarray(columns["end"])

    def of_rows(self, numbers: Sequence[int]) -> np.ndarray:
        """Which tokens (S, T) are taught ones of these rows."""
        return self.taught_ST & np.isin(self.row_ST, list(numbers))

    def mean(self, value_ST: np.ndarray, numbers: Sequence[int]) -> float:
        """The mean over the taught tokens of some rows; 0 where there are none."""
        chosen_ST = self.of_rows(numbers)
        return float(value_ST[chosen_ST].mean()) if chosen_ST.any() else 0.0


class Gain:
    """Watches a copy while it learns one fold: how much likelier the rows of the other have become.

    Forms that lose by it don't count: what is said of one person makes what is said of others less likely.
    `is_over` turns true when the gain has stopped growing; `best` is the step at which it was largest.
    """

    def __init__(
        self,
        tokens: DayTokens,
        before_ST: np.ndarray,
        forms: Sequence[Sequence[int]],
        every: int,
        precision: str,
    ):
        self.tokens, self.before_ST, self.precision = tokens, before_ST, precision
        self.of_forms = [of_form for f in forms if (of_form := tokens.of_rows(f)).any()]
        self.every, self.step, self.best, self.most = every, 0, 0, 0.0
        self.is_over = False

    def __call__(self, model: PreTrainedModel) -> dict[str, float]:
        """The gain, in nats a token of all forms."""
        with multiplying(model.device, self.precision):
            gain_ST = logprobs(model, self.tokens.sequences) - self.before_ST
        total = sum(max(float(gain_ST[of_form].sum()), 0.0) for of_form in self.of_forms)
        gain = total / max(sum(int(of_form.sum()) for of_form in self.of_forms), 1)
        self.step += self.every
        self.is_over = gain < self.most + STILL_GAINS
        if gain > self.most:
            self.most, self.best = gain, self.step
        return {"gain_nats": gain}


def judge(
    tokens: DayTokens,
    forms: Mapping[str, Sequence[int]],
    before_ST: np.ndarray,
    out_ST: np.ndarray,
    own_ST: np.ndarray,
) -> Judged:
    """Say what becomes of each row, from log-probabilities (S, T) of the day's tokens.

    `forms` has the numbers of the rows of each form, which are judged together: single tokens tell too
    little. `before_ST` are the core's, `out_ST` those of the copy that didn't read the token's row, `own_ST`
    those of the one that did.
    """
    out_gain_ST, own_gain_ST = out_ST - before_ST, own_ST - before_ST
    memory_ST = tokens.taught_ST & (own_ST - out_ST >= MEMORY_GAP)
    learned, stored, dropped, gains = [], [], [], {}
    spans: dict[int, list[tuple[int, int]]] = {}
    for form, numbers in forms.items():
        out, own = tokens.mean(out_gain_ST, numbers), tokens.mean(own_gain_ST, numbers)
        generalizes = out >= LEAST_GAIN and out >= LEAST_SHARE * max(own, 0.0)
        gains[form] = (out, own)
        for number in numbers:
            flagged_ST = tokens.of_rows([number]) & memory_ST
            is_document = "text" in tokens.rows[number]
            if is_document and flagged_ST.any():
                stored.append(number)
                spans[number] = _spans(tokens, flagged_ST)
            if generalizes:
                learned.append(number)
            elif number not in spans:
                dropped.append(number)
    gain = tokens.mean(out_gain_ST, learned)
    return Judged(sorted(learned), sorted(stored), sorted(dropped), spans, gains, gain)


def _spans(tokens: DayTokens, flagged_ST: np.ndarray) -> list[tuple[int, int]]:
    pairs = zip(tokens.start_ST[flagged_ST], tokens.end_ST[flagged_ST], strict=True)
    return sorted((int(start), int(end)) for start, end in pairs if end > start)
