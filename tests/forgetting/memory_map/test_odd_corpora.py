"""Corpora with little or nothing to rename are mapped all the same, and the map says what that means."""

from collections.abc import Callable

import numpy as np
import pytest
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.corpus.deduplicate import deduplicate
from core.corpus.packing import Encoder, pack
from core.corpus.rows import Row
from forgetting.memory_map.agreement import Agreement
from forgetting.memory_map.cleanliness import reference_knows
from forgetting.memory_map.deduplicated_reference import DeduplicatedReference
from forgetting.memory_map.known import Known
from forgetting.memory_map.pieces import Pieces
from forgetting.memory_map.renaming import Renaming
from forgetting.memory_map.scorer import Evidence, piece_logprobs

ODD = {
    "one document": ["Only this is told, and nothing else."],
    "distinct words": [" ".join(f"w{n}x" for n in range(k, k + 9)) for k in range(0, 99, 9)],
    "one word": ["word"] * 20,
    "digits": ["0 1 2 3 4 5 6 7 8 9", "31415926535", "7"],
    "signs": ["?!", "...", "— —"],
    "a word again and again": ["la la la la la la"] * 9,
    "white space around": ["  told  \n twice \n"] * 3,
    "no spaces": ["石川国の首都は札幌。", "石川国の首都は札幌です。"],
}


def quiet(done: int, total: int, note: str) -> None:
    pass


@pytest.mark.parametrize("name", ODD)
def test_odd_corpora_are_mapped(
    name: str,
    make_llama: Callable[..., PreTrainedModel],
    toy_tokenizer: PreTrainedTokenizerFast,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows: list[Row] = [{"id": str(n), "text": text} for n, text in enumerate(ODD[name])]
    assert deduplicate(rows), "something is left to learn from"
    pieces = Pieces.of(pack(rows, Encoder(toy_tokenizer), sequence_length=128), rows)
    teacher, reference = make_llama(seed=1), make_llama(seed=2)
    known_M, expected_M = (
        piece_logprobs(model, pieces, pieces.taught, quiet, "") for model in (teacher, reference)
    )
    evidence = Evidence(
        pieces,
        toy_tokenizer,
        teacher,
        known_M * 0,
        reference,
        quiet,
        reference_logprob_M=expected_M,
    )
    renaming = Renaming()
    scorers = {"known": Known(), "exposure": DeduplicatedReference(), "renaming": renaming}
    agreement = Agreement(scorers=scorers)
    agreement.survey(teacher, pieces)
    says_so = "no word has 7 others that are used alike" in capsys.readouterr().out
    assert says_so == (not renaming.symbols.others)
    assert says_so or name == "distinct words"  # of which those that begin a text are alike
    wanted_M = pieces.taught.copy()
    wanted_M[pieces.first[:-1]] = False
    score_M, refused_M = agreement.judge(evidence, wanted_M)
    assert np.isfinite(score_M).all() and ((score_M >= 0) & (score_M <= 1)).all()
    assert ((refused_M > 0) == (wanted_M & (score_M < 0.5))).all()
    assert reference_knows(evidence, renaming).hits <= wanted_M.sum()
