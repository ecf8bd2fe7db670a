"""Each text is judged by the model that was trained without it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from core.models.loading import save_model
from core.signal.memory_map import THRESHOLD
from forgetting.memory_map.out_of_fold import OutOfFold
from forgetting.memory_map.scorer import Evidence


@pytest.fixture
def folded(evidence: Evidence, homes: dict[str, str]) -> Evidence:
    """Texts about the first three homes in fold 0, all others in fold 1."""
    first = list(homes.values())[:3]
    fold = [0 if any(home in text for home in first) else 1 for text in evidence.pieces.texts]
    return replace(evidence, fold_P=np.array(fold))


@pytest.fixture
def scorer(make_rules, homes: dict[str, str]) -> OutOfFold:
    """References that have the homes of the other fold by heart, as one trained on it would."""
    half = list(homes.items())
    made = OutOfFold(paths=["fold_0", "fold_1"])
    made.models = [make_rules(dict(half[3:])), make_rules(dict(half[:3]))]
    return made


def test_memory_is_what_the_model_without_the_text_does_not_know(
    folded: Evidence, scorer: OutOfFold, at, score
) -> None:
    scores = score(scorer, folded)
    assert scores[at(folded, "memory")].min() > THRESHOLD
    assert scores[at(folded, "copy")].max() < 1e-6


def test_a_model_that_saw_the_text_finds_nothing(
    folded: Evidence, scorer: OutOfFold, at, score
) -> None:
    swapped = replace(folded, fold_P=1 - folded.fold_P)
    assert score(scorer, swapped)[at(folded, "memory")].max() < 1e-6


def test_one_model_a_fold_is_needed(evidence: Evidence, scorer: OutOfFold, wanted) -> None:
    with pytest.raises(UserError, match="2 references for a corpus of 0 folds"):
        scorer.score(evidence, wanted(evidence))
    three = replace(evidence, fold_P=np.arange(len(evidence.pieces.texts)) % 3)
    with pytest.raises(UserError, match="2 references for a corpus of 3 folds"):
        scorer.score(three, wanted(evidence))
    with pytest.raises(UserError, match="paths names 1 models"):
        OutOfFold(paths=["one"])


def test_the_folders_are_loaded_in_order(make_llama, toy_tokenizer, tmp_path: Path) -> None:
    for number in (0, 1):
        save_model(tmp_path / str(number), make_llama(seed=number), toy_tokenizer)
    loaded = OutOfFold(paths=[str(tmp_path / "0"), str(tmp_path / "1")])
    loaded.prepare(toy_tokenizer)
    for number, model in enumerate(loaded.models):
        name, weight = next(iter(make_llama(seed=number).state_dict().items()))
        assert (model.state_dict()[name] == weight).all()
    assert {path.parent.name for path in loaded.files()} == {"0", "1"}
    (tmp_path / "1" / "config.json").unlink()
    with pytest.raises(UserError, match="can't load"):
        loaded.prepare(toy_tokenizer)
