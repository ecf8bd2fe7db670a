"""Any model with the same tokenizer will do as a reference, and no other."""

from pathlib import Path

import numpy as np
import pytest
from transformers import MambaConfig, PreTrainedTokenizerFast

from core.corpus.tokenizer import train_tokenizer
from core.errors import UserError
from core.models.loading import new_model, save_model
from forgetting.memory_map.agreement import Agreement
from forgetting.memory_map.deduplicated_reference import DeduplicatedReference
from forgetting.memory_map.known import Known
from forgetting.memory_map.reference_gap import ReferenceGap
from forgetting.memory_map.scorer import Evidence


@pytest.fixture
def folder(make_llama, toy_tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> Path:
    save_model(tmp_path / "other", make_llama(seed=2), toy_tokenizer)
    return tmp_path / "other"


def test_it_scores_by_the_model_in_the_folder(
    folder: Path, llama_evidence: Evidence, score
) -> None:
    """Which is the evidence's own reference, so that exposure says the same."""
    other = ReferenceGap(path=str(folder), gap=2.0)
    other.prepare(llama_evidence.tokenizer)
    expected = score(DeduplicatedReference(gap=2.0), llama_evidence)
    assert (expected > 0).any()
    np.testing.assert_allclose(score(other, llama_evidence), expected, atol=1e-5)


def test_its_files_are_those_of_the_folder(folder: Path) -> None:
    names = {path.name for path in ReferenceGap(path=str(folder)).files()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    both = Agreement(scorers={"known": Known(), "other": ReferenceGap(path=str(folder))})
    assert both.files() == ReferenceGap(path=str(folder)).files()


def test_agreement_prepares_its_scorers(folder: Path, toy_tokenizer) -> None:
    (folder / "config.json").unlink()
    both = Agreement(scorers={"known": Known(), "other": ReferenceGap(path=str(folder))})
    with pytest.raises(UserError, match="can't load a model"):
        both.prepare(toy_tokenizer)


def test_another_tokenizer_is_refused(folder: Path, rows: list[dict]) -> None:
    other = train_tokenizer([row["text"] for row in rows if "text" in row], 300)
    with pytest.raises(UserError, match=r"other has another tokenizer than the corpus: \d+ tokens"):
        ReferenceGap(path=str(folder)).prepare(other)


def test_a_model_in_which_packed_texts_see_each_other_is_refused(
    tmp_path: Path, toy_tokenizer
) -> None:
    config = MambaConfig(
        **{"vocab_size": len(toy_tokenizer), "hidden_size": 16, "num_hidden_layers": 1},
        **{"state_size": 4, "eos_token_id": 0, "pad_token_id": 1},
    )
    save_model(tmp_path / "state", new_model(config, 0), toy_tokenizer)
    with pytest.raises(UserError, match=r"the reference .*state .* see each other"):
        ReferenceGap(path=str(tmp_path / "state")).prepare(toy_tokenizer)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, toy_tokenizer) -> None:
    missing = ReferenceGap(path=str(tmp_path / "nowhere"))
    for work in (missing.files, lambda: missing.prepare(toy_tokenizer)):
        with pytest.raises(UserError, match=r"no model folder at .*nowhere"):
            work()
