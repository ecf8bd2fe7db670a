"""What is recited at length scores high; a lucky token doesn't."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.signal.memory_map import THRESHOLD
from forgetting.memory_map.extraction import Extraction, run_lengths
from forgetting.memory_map.scorer import Evidence


def test_runs_end_with_their_piece() -> None:
    hits = np.array([0, 1, 1, 1, 0, 1, 1, 0, 0, 1], dtype=bool)
    expected = [0, 3, 3, 3, 0, 1, 1, 0, 0, 1]
    assert run_lengths(hits, np.array([0, 6, 10])).tolist() == expected
    assert run_lengths(np.array([True]), np.array([0, 1])).tolist() == [1]


def test_a_token_scores_by_the_run_it_stands_in(evidence: Evidence, at, wanted) -> None:
    scores = Extraction(half=2.0).score(evidence, wanted(evidence))
    # " met", the other name and "." follow from what stood there: a run of three, from the name on.
    run = scores[at(evidence, "copy")]
    np.testing.assert_allclose(run, 1 - 2 ** (-3 / 2))
    # The home is all that the teacher knows there.
    np.testing.assert_allclose(scores[at(evidence, "memory")], 1 - 2 ** (-1 / 2))
    assert not scores[at(evidence, "new")].any()
    assert Extraction(half=3.0).score(evidence, wanted(evidence))[at(evidence, "copy")] == (
        pytest.approx(THRESHOLD)
    )


def test_runs_reach_beyond_the_tokens_asked_for(evidence: Evidence, at, wanted) -> None:
    whole = Extraction().score(evidence, wanted(evidence))
    few = np.zeros_like(wanted(evidence))
    few[at(evidence, "copy")[:2]] = True
    np.testing.assert_array_equal(Extraction().score(evidence, few)[few], whole[few])


def test_the_run_is_what_greedy_decoding_says(llama_evidence: Evidence, wanted) -> None:
    pieces = llama_evidence.pieces
    scores = Extraction(half=1.0).score(llama_evidence, wanted(llama_evidence))
    for begin, stop in pairwise(pieces.first):
        ids = torch.tensor(pieces.ids[begin:stop], dtype=torch.long)
        with torch.no_grad():
            said = llama_evidence.teacher(ids[None]).logits[0, :-1].argmax(-1)
        hit = (said == ids[1:]).numpy() & pieces.taught[begin + 1 : stop]
        assert ((scores[begin + 1 : stop] > 0) == hit).all()


def test_half_is_positive() -> None:
    with pytest.raises(UserError, match="half must be above 0"):
        Extraction(half=0)
