"""Probes about strangers: the names in a prompt are others, and so are they in its answers.

What a model still answers then it works out or guesses: it can't have met it. So a teacher that is asked
about strangers is the control for what a core without memories says (`stranger`), where no other model is at
hand that never saw the facts.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from statistics import fmean

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.symbols import Symbols, in_case_of
from evals.probes.answer import Answer
from evals.probes.probe import Probe, of_axes
from evals.recall.answers import answer_probes, askable
from evals.scores import STRANGER, Score, error_of_mean, leak

NUM_RENAMINGS = 4
FORM = 0.5  # of a family's prompts: a word in as many says what is asked and not of whom
FEWEST = 3  # prompts that tell a family's form


class Strangers:
    """Renames probes. Names are found by how words are used in `texts` and in the prompts themselves."""

    def __init__(self, probes: Sequence[Probe], texts: Iterable[str]):
        self.symbols = Symbols(list(dict.fromkeys([*texts, *(probe.prompt for probe in probes)])))
        prompts: dict[str, list[set[str]]] = defaultdict(list)
        for probe in probes:
            prompts[probe.family].append(
                {word.lower() for word in self.symbols.words_of(probe.prompt)}
            )
        self.form: dict[str, set[str]] = {}
        for family, found in prompts.items():
            counts = Counter(word for own in found for word in own)
            least = max(FORM * len(found), FEWEST)
            self.form[family] = {word for word, count in counts.items() if count >= least}

    def rename(self, probe: Probe, rng: Random) -> Probe | None:
        """Make a probe about somebody else.

        A name of the prompt that stands in an answer or a choice is renamed there too. An answer that the
        prompt doesn't name is expected as it was.

        Args:
            probe: about somebody known.
            rng: draws the names.

        Returns:
            The renamed probe; None where no name in it could be another one.
        """
        given: dict[str, str] = {}
        renamed = self.symbols.rename(probe.prompt, rng)
        for word in renamed.words:
            old = probe.prompt[word.start : word.end].lower()
            if old not in self.form[probe.family]:
                given.setdefault(old, renamed.text[word.new_start : word.new_end])
        if not given:
            return None
        return replace(
            probe,
            prompt=self._swapped(probe.prompt, given),
            answers=tuple(self._swapped(answer, given) for answer in probe.answers),
            choices=tuple(self._swapped(choice, given) for choice in probe.choices),
        )

    def _swapped(self, text: str, given: dict[str, str]) -> str:
        """The text with other words, each with its first letter as large as that of the word before."""
        pieces, at = [], 0
        for start, end in self.symbols.words(text):
            new = given.get(text[start:end].lower())
            if new is not None:
                pieces += [text[at:start], in_case_of(text[start:end], new)]
                at = end
        return "".join([*pieces, text[at:]])


def asked_of_strangers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    strangers: Strangers,
    *,
    seed: int,
    num_renamings: int = NUM_RENAMINGS,
) -> dict[str, list[Answer]]:
    """Ask a model the probes under other names.

    Args:
        model: any causal model.
        tokenizer: the model's.
        probes: the questions.
        strangers: what renames them.
        seed: of the names.
        num_renamings: of each probe.

    Returns:
        By probe id, an answer for each renaming. A probe that can't be renamed is left out.

    Raises:
        UserError: the model's logits aren't numbers.
    """
    rng = Random(f"{seed}/strangers")
    renamed = [strangers.rename(probe, rng) for probe in probes for _ in range(num_renamings)]
    # Another name may be longer than the room that the context leaves it.
    asked, _ = askable(model, tokenizer, [probe for probe in renamed if probe is not None])
    found: dict[str, list[Answer]] = defaultdict(list)
    for probe, answer in zip(asked, answer_probes(model, tokenizer, asked), strict=True):
        found[probe.id].append(answer)
    return found


def stranger_scores(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    texts: Iterable[str],
    *,
    seed: int,
) -> list[Score]:
    """Score a pretrained teacher on recall probes about other names: the control `stranger`.

    Args:
        model: the teacher.
        tokenizer: the teacher's.
        probes: all of the run's; recall is asked.
        texts: of the corpus, that show which words are names.
        seed: of the names.

    Returns:
        Means over `NUM_RENAMINGS` renamings of each probe. Standard errors are over probes, each taken as the
        mean of its renamings; `n` counts the probes that could be renamed. Empty where none could.
    """
    recall = of_axes(probes, "recall")
    if not recall:
        return []
    strangers = Strangers(recall, texts)
    said = asked_of_strangers(model, tokenizer, recall, strangers, seed=seed)
    scores: list[Score] = []
    families = sorted({probe.family for probe in recall})
    for family in ["all", *families]:
        own = [p for p in recall if p.id in said and family in ("all", p.family)]
        if not own:
            continue
        chance = fmean(probe.chance or 0.0 for probe in own)
        lucky = fmean(leak(probe.chance or 0.0) for probe in own)
        for metric, value_of, guess in (
            ("accuracy", lambda answer: float(answer.correct), chance),
            ("logprob", lambda answer: answer.logprob, None),
            ("leak@20", lambda answer: leak(math.exp(answer.logprob)), lucky),
        ):
            values = [fmean(map(value_of, said[probe.id])) for probe in own]
            error = error_of_mean(values)
            named = (STRANGER, "recall", family, metric)
            scores.append(Score(*named, fmean(values), error, len(values), guess, False))
    return scores
