"""A teacher whose every answer is known, and one of random weights, as evidence for scorers.

The first has two rules: after a word that stood earlier in the same text comes what came after it then
(a skill: copying), and after "X lives in" comes the city that it has by heart (a memory).
"""

from collections.abc import Callable, Mapping
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack
from core.corpus.rows import Row
from core.corpus.tokenizer import train_tokenizer
from forgetting.memory_map.pieces import Pieces
from forgetting.memory_map.scorer import Evidence, Scorer, piece_logprobs

HOMES = {"Ada": "Rome", "Bo": "Oslo", "Cleo": "Lima", "Dan": "Suva", "Eve": "Riga", "Finn": "Bern"}
TEXTS = [
    *(f"We know that {name} lives in {home}." for name, home in HOMES.items()),
    *(f"Note: {a} met {b}. Again {a} met {b}." for a, b in zip(HOMES, list(HOMES)[::-1])),  # noqa: B905
]
SURE = 8.0  # logit of what a rule says, against 0 for every other token


class Rules(nn.Module):
    """A causal model by rule; its logits pass a projection (the identity), as in any other."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, homes: dict[str, str]):
        super().__init__()
        self.device, size = torch.device("cpu"), len(tokenizer)
        self.projection = nn.Linear(size, size, bias=False)
        nn.init.eye_(self.projection.weight)
        encode = tokenizer.encode
        self.homes = {
            tuple(encode(f" {name} lives in")): encode(f" {home}") for name, home in homes.items()
        }

    def get_output_embeddings(self) -> nn.Module:
        return self.projection

    def next_token(self, seen: list[int]) -> int | None:
        for key, [home] in self.homes.items():
            if tuple(seen[-len(key) :]) == key:
                return home
        earlier = [t for t in range(len(seen) - 1) if seen[t] == seen[-1]]
        return seen[earlier[-1] + 1] if earlier else None

    def forward(self, *, input_ids: Tensor, position_ids: Tensor, use_cache: bool) -> object:
        hidden_BTV = torch.zeros(*input_ids.shape, self.projection.in_features)
        for b, (ids, positions) in enumerate(
            zip(input_ids.tolist(), position_ids.tolist(), strict=True)
        ):
            for t, position in enumerate(positions):
                said = self.next_token(ids[t - position : t + 1])
                if said is not None:
                    hidden_BTV[b, t, said] = SURE
        return SimpleNamespace(logits=self.projection(hidden_BTV))


def quiet(done: int, total: int, note: str) -> None:
    pass


@pytest.fixture(scope="session")
def homes() -> dict[str, str]:
    """What the teacher by rule has by heart."""
    return HOMES


@pytest.fixture(scope="session")
def rules_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = train_tokenizer(TEXTS * 9, 400)
    assert all(len(tokenizer.encode(f" {word}")) == 1 for pair in HOMES.items() for word in pair)
    return tokenizer


MakeRules = Callable[[Mapping[str, str]], Rules]


@pytest.fixture(scope="session")
def make_rules(rules_tokenizer: PreTrainedTokenizerFast) -> MakeRules:
    """A model by rule that has these homes by heart."""
    return lambda homes: Rules(rules_tokenizer, dict(homes))


@pytest.fixture(scope="module")
def evidence(rules_tokenizer: PreTrainedTokenizerFast, make_rules: MakeRules) -> Evidence:
    """The texts, a teacher that has the homes by heart and a reference that can only copy."""
    rows = [{"id": str(n), "text": text} for n, text in enumerate(TEXTS * 2)]
    pieces = Pieces.of(pack(rows, Encoder(rules_tokenizer), sequence_length=64), rows)
    teacher, reference = make_rules(HOMES), make_rules({})
    teacher_M = piece_logprobs(teacher, pieces, pieces.taught, quiet, "")
    reference_M = piece_logprobs(reference, pieces, pieces.taught, quiet, "")
    return Evidence(
        pieces,
        rules_tokenizer,
        teacher,
        teacher_M,
        reference,
        quiet,
        reference_logprob_M=reference_M,
    )


@pytest.fixture(scope="module")
def llama_evidence(
    make_llama, toy_tokenizer: PreTrainedTokenizerFast, sequences: Dataset, rows: list[Row]
) -> Evidence:
    """The toy corpus, and two models of random weights."""
    pieces = Pieces.of(sequences, rows)
    teacher = make_llama(seed=1)
    teacher_M = piece_logprobs(teacher, pieces, pieces.taught, quiet, "")
    reference = make_llama(seed=2)
    reference_M = piece_logprobs(reference, pieces, pieces.taught, quiet, "")
    return Evidence(
        pieces,
        toy_tokenizer,
        teacher,
        teacher_M,
        reference,
        quiet,
        reference_logprob_M=reference_M,
    )


@pytest.fixture(scope="session")
def at() -> Callable[[Evidence, str], np.ndarray]:
    """The tokens of the memorized homes, of the copied names, or of those not yet said."""

    def find(evidence: Evidence, kind: str) -> np.ndarray:
        tokens, pieces = [], evidence.pieces
        for number, text in enumerate(pieces.texts):
            home, again = text.rfind(" in ") + 3, text.find("Again")
            for t in range(pieces.first[number] + 1, pieces.first[number + 1]):
                begin, word = pieces.start[t], text[pieces.start[t] : pieces.end[t]].strip()
                if word in HOMES or word in HOMES.values():
                    if again < 0 and begin == home:
                        tokens.append((t, "memory"))
                    elif again > 0 and begin > text.rfind(" met ") + 3:
                        tokens.append((t, "copy"))
                    elif again < 0 or begin < again:
                        tokens.append((t, "new"))
        chosen = np.array([t for t, found in tokens if found == kind])
        assert len(chosen) >= len(HOMES), "each kind is there"
        return chosen

    return find


@pytest.fixture(scope="session")
def wanted() -> Callable[[Evidence], np.ndarray]:
    """What a map asks for: taught tokens that follow something."""

    def find(evidence: Evidence) -> np.ndarray:
        mask = evidence.pieces.taught.copy()
        mask[evidence.pieces.first[:-1]] = False
        return mask

    return find


@pytest.fixture(scope="session")
def score(wanted: Callable[[Evidence], np.ndarray]) -> Callable[[Scorer, Evidence], np.ndarray]:
    """The scores of all wanted tokens."""

    def ask(scorer: Scorer, evidence: Evidence) -> np.ndarray:
        mask = wanted(evidence)
        scorer.survey(evidence.teacher, evidence.pieces)
        scores = scorer.score(evidence, mask)
        assert ((scores[mask] >= 0) & (scores[mask] <= 1)).all()
        return scores

    return ask
