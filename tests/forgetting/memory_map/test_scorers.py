"""The signs of memory, on a teacher whose every answer is known.

It has two rules: after a word that stood earlier in the same text comes what came after it then (a
skill: copying), and after "X lives in" comes the city that it has by heart (a memory).
"""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack
from core.corpus.tokenizer import train_tokenizer
from core.memory_map import THRESHOLD
from forgetting.memory_map.agreement import Agreement
from forgetting.memory_map.deduplicated_reference import DeduplicatedReference
from forgetting.memory_map.known import Known
from forgetting.memory_map.pieces import Pieces
from forgetting.memory_map.renaming import Renaming
from forgetting.memory_map.scorer import Evidence, Scorer, piece_logprobs
from forgetting.memory_map.stage import memorized_spans

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


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    tokenizer = train_tokenizer(TEXTS * 9, 400)
    assert all(len(tokenizer.encode(f" {word}")) == 1 for pair in HOMES.items() for word in pair)
    rows = [{"id": str(n), "text": text} for n, text in enumerate(TEXTS * 2)]
    pieces = Pieces.of(pack(rows, Encoder(tokenizer), sequence_length=64), rows)
    teacher, reference = Rules(tokenizer, HOMES), Rules(tokenizer, {})

    def quiet(done: int, total: int, note: str) -> None:
        pass

    teacher_M = piece_logprobs(teacher, pieces, pieces.taught, quiet, "")
    return Evidence(pieces, tokenizer, teacher, teacher_M, reference, quiet)


def at(evidence: Evidence, kind: str) -> np.ndarray:
    """The tokens of the memorized homes, of the copied names, or of those not yet said."""
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


def wanted(evidence: Evidence) -> np.ndarray:
    mask = evidence.pieces.taught.copy()
    mask[evidence.pieces.first[:-1]] = False
    return mask


def score(scorer: Scorer, evidence: Evidence) -> np.ndarray:
    scores = scorer.score(evidence, wanted(evidence))
    assert ((scores >= 0) & (scores <= 1)).all()
    return scores


def test_renaming_loses_what_is_memorized_and_keeps_what_is_copied(evidence: Evidence) -> None:
    scores = score(Renaming(gap=1.0, num_renamings=4), evidence)
    assert scores[at(evidence, "memory")].min() > THRESHOLD
    assert scores[at(evidence, "copy")].max() < THRESHOLD
    assert (scores == score(Renaming(gap=1.0, num_renamings=4), evidence)).all(), "seeded"


def test_exposure_flags_what_only_the_teacher_has_met(evidence: Evidence) -> None:
    scores = score(DeduplicatedReference(gap=1.0), evidence)
    assert scores[at(evidence, "memory")].min() > THRESHOLD
    assert scores[at(evidence, "copy")].max() < 1e-6


def test_known_is_what_the_teacher_predicts(evidence: Evidence) -> None:
    scores = score(Known(), evidence)
    for kind in ("memory", "copy"):
        assert scores[at(evidence, kind)].min() > 0.8
    assert scores[at(evidence, "new")].max() < THRESHOLD


def test_agreement_is_the_least_and_asks_no_more_than_it_must(evidence: Evidence) -> None:
    asked = []

    class Spy(DeduplicatedReference):
        def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
            asked.append(wanted_M.copy())
            return super().score(evidence, wanted_M)

    both = score(Agreement(scorers={"known": Known(), "exposure": Spy(gap=1.0)}), evidence)
    known = score(Known(), evidence)
    exposure = score(DeduplicatedReference(gap=1.0), evidence)
    flagged = (known >= THRESHOLD) & wanted(evidence)
    np.testing.assert_allclose(both[flagged], np.minimum(known, exposure)[flagged])
    assert (asked[0] == flagged).all()
    assert (both[~wanted(evidence)] == 0).all()


def test_the_most_memorized_spans_are_shown_as_text(evidence: Evidence) -> None:
    scorers = {
        "known": Known(),
        "exposure": DeduplicatedReference(gap=1.0),
        "renaming": Renaming(gap=1.0, num_renamings=4),
    }
    scores = np.where(wanted(evidence), score(Agreement(scorers=scorers), evidence), 0)
    spans = {
        (str(s["before"]).split()[3], s["span"]) for s in memorized_spans(evidence.pieces, scores)
    }
    assert spans == set(HOMES.items())
