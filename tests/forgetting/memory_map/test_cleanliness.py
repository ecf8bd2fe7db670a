"""A reference that knows what the teacher loses by renaming isn't clean."""

from dataclasses import replace

import numpy as np

from forgetting.memory_map.cleanliness import ReferenceRecall, reference_knows
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
