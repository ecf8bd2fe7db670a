"""A reference that knows what the teacher loses by renaming isn't clean."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from core.corpus.symbols import Symbols
from forgetting.memory_map.cleanliness import ReferenceRecall, _rare_words, reference_knows
from forgetting.memory_map.renaming import Renaming
from forgetting.memory_map.scorer import Evidence


def known(evidence: Evidence) -> ReferenceRecall:
    renaming = Renaming(num_renamings=2)
    renaming.survey(evidence.teacher, evidence.pieces)
    return reference_knows(evidence, renaming)


def test_one_that_can_only_copy_is_clean(evidence: Evidence, homes: dict[str, str]) -> None:
    found = known(evidence)
    assert found == ReferenceRecall(0, len(homes)) and found.is_clean


def test_one_that_knows_what_the_teacher_knows_is_not(evidence: Evidence) -> None:
    found = known(replace(evidence, reference_logprob_M=evidence.teacher_logprob_M))
    assert found.share == 1 and not found.is_clean


def test_without_anything_known_nothing_is_asked(evidence: Evidence) -> None:
    unsure = np.full_like(evidence.teacher_logprob_M, -9.0)
    found = known(replace(evidence, teacher_logprob_M=unsure))
    assert found == ReferenceRecall(0, 0) and found.is_clean


@pytest.mark.parametrize(
    ("text", "start", "end", "asked"),
    [
        ("Ada Rome", [0, 2, 3, 5], [2, 3, 5, 8], [0, 2]),  # Ad|a| R|ome
        ("Öda Rome", [0, 0, 1, 3], [1, 1, 3, 8], [0, 3]),  # two bytes, da, Rome
    ],
)
def test_of_a_name_the_token_that_begins_it_is_asked_once(
    text: str, start: list[int], end: list[int], asked: list[int]
) -> None:
    pieces = SimpleNamespace(
        texts=[text], first=np.array([0, 4]), start=np.array(start), end=np.array(end)
    )
    assert _rare_words(pieces, 0, Symbols([text])).tolist() == asked
