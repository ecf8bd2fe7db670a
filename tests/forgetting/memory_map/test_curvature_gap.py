"""Curvature is measured on texts that each count once, and the fall is that of the edited teacher."""

import copy

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.models.curvature import remove_low_curvature
from forgetting.memory_map.curvature_gap import CurvatureGap, sampled_batches
from forgetting.memory_map.scorer import Evidence, piece_logprobs, score_of_gap


def test_the_fall_is_that_of_the_edited_teacher(llama_evidence: Evidence, score) -> None:
    pieces = llama_evidence.pieces
    before = {k: v.clone() for k, v in llama_evidence.teacher.state_dict().items()}
    scores = score(CurvatureGap(rho=0.5, layers=[1], num_pieces=20, gap=0.1), llama_evidence)
    assert all(torch.equal(v, before[k]) for k, v in llama_evidence.teacher.state_dict().items())
    edited = copy.deepcopy(llama_evidence.teacher)
    remove_low_curvature(
        edited,
        sampled_batches(pieces, 20, seed=0),
        rho=0.5,
        generator=torch.Generator().manual_seed(0),
        layers=[1],
    )
    edited_M = piece_logprobs(edited, pieces, pieces.taught, llama_evidence.report, "")
    expected = score_of_gap(llama_evidence.teacher_logprob_M - edited_M, 0.1)
    asked = pieces.taught.copy()
    asked[pieces.first[:-1]] = False
    assert (scores[asked] > 0.5).any()
    np.testing.assert_allclose(scores[asked], expected[asked], atol=1e-5)


def test_nothing_falls_where_all_curvature_is_kept(llama_evidence: Evidence, score) -> None:
    assert score(CurvatureGap(rho=1.0), llama_evidence).max() < 1e-5


def test_pieces_are_drawn_once_each(llama_evidence: Evidence) -> None:
    pieces = llama_evidence.pieces
    asked = pieces.taught.copy()
    asked[pieces.first[:-1]] = False

    def taught(num_pieces: int, seed: int = 0) -> list[int]:
        found = [labels for _, _, labels in sampled_batches(pieces, num_pieces, seed)]
        return sorted(token for labels in found for token in labels[labels >= 0].tolist())

    assert taught(10**6) == sorted(pieces.ids[asked].tolist())
    assert 0 < len(taught(5)) < len(taught(10**6))
    assert taught(5) == taught(5)


def test_what_it_cannot_do_is_said(llama_evidence: Evidence, score) -> None:
    with pytest.raises(UserError, match="CurvatureGap: num_pieces"):
        CurvatureGap(num_pieces=0)
    with pytest.raises(UserError, match="no layer 7"):
        score(CurvatureGap(layers=[7]), llama_evidence)
