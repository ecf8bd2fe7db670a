"""A reference that knows what the teacher loses by renaming isn't clean."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

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


def test_of_a_name_in_several_tokens_the_first_alone_is_asked() -> None:
    text = "Ada Rome"  # as Ad|a| R|ome
    pieces = SimpleNamespace(
        texts=[text],
        first=np.array([0, 4]),
        start=np.array([0, 2, 3, 5]),
        end=np.array([2, 3, 5, 8]),
    )
    assert _rare_words(pieces, 0, Symbols([text])).tolist() == [0, 2]


def test_a_letter_of_several_byte_tokens_begins_a_name_once() -> None:
    text = "Öda Rome"  # as two bytes, da, Rome
    pieces = SimpleNamespace(
        texts=[text],
        first=np.array([0, 4]),
        start=np.array([0, 0, 1, 3]),
        end=np.array([1, 1, 3, 8]),
    )
    assert _rare_words(pieces, 0, Symbols([text])).tolist() == [0, 3]
