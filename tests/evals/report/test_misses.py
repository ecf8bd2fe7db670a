"""What was missed, in a run folder small enough to count by hand."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from omegaconf import DictConfig
from safetensors.torch import save_file

from core.corpus.packing import Encoder, pack
from core.corpus.script import spans_of
from core.errors import UserError
from core.models.taught import IGNORED
from core.runs.artifacts import MARK, write_json
from core.signal.memory_map import MemoryMap
from core.signal.signal import TopK
from evals.recall.telling import Telling
from evals.report.misses import find_missed
from evals.report.stage import report
from evals.scores import Score, write_scores

TOLD, ANOTHER, AGAIN, TASK, NO_WORD, LIMA = range(6)
ROWS = [
    {"id": "told", "text": "Ada lives in Rome."},
    {"id": "another's", "text": "Bo lives in Rome."},
    {"id": "again", "text": "Rome is where Ada lives."},
    {"id": "task", "prompt": "Ada lives in", "completion": "Rome"},
    {"id": "no word", "text": "Ada lives in Romeo."},
    {"id": "lima", "text": "Cleo lives in Lima."},
    *({"id": f"d{n}", "text": "Dan lives in Oslo."} for n in range(12)),
    {"id": "uncovered", "text": "Ada lives in Rome, " * 4},
]
LENGTH = 48
SIGNS = ["known", "exposure", "renaming"]


def score(arm: str, axis: str, family: str, value: float) -> Score:
    return Score(arm, axis, family, "accuracy", value, 0.01, 100, 0.05, False)


SCORES = [
    score("core", "recall", "all", 0.5),
    score("core", "recall", "pet", 0.0),
    score("core", "recall", "job", 0.2),
    score("core", "recall", "city", 0.8),
    score("core", "verbatim", "poem", 0.3),
    score("never_exposed", "recall", "all", 0.05),
    score("never_exposed", "recall", "city", 0.06),
    score("core", "lookup", "city", 0.95),
    score("core", "lookup", "poem", 0.94),  # a family of facts of the same name
]


def sample(prompt: str, answer: str, family: str = "city", correct: bool = True) -> dict:
    said = answer if correct else "Baku"
    return {
        **{"id": prompt, "axis": "recall", "family": family, "prompt": prompt, "answer": answer},
        **{"predicted": said, "correct": correct, "logprob": -1.0, "rank": 1},
    }


SAMPLES = [
    sample("Ada lives in", "Rome"),
    sample("Cleo lives in", "Lima"),
    sample("Bo lives in", "Rome", correct=False),
    sample("Ada works as a", "baker", family="job"),
]


def tokens_of(columns: dict[str, np.ndarray], number: int, word: str) -> np.ndarray:
    """The taught tokens (S, T) of a word in a row."""
    text = ROWS[number].get("text") or f"{ROWS[number]['prompt']} {ROWS[number]['completion']}"
    at = text.index(word)
    inside = (columns["start"] < at + len(word)) & (columns["end"] > at)
    return inside & (columns["row"] == number) & (columns["labels"] != IGNORED)


@pytest.fixture
def columns(toy_tokenizer) -> dict[str, np.ndarray]:
    """The packed corpus, but for the last sequence, which only the last row is in."""
    sequences = pack(ROWS, Encoder(toy_tokenizer), sequence_length=LENGTH)
    whole = {name: np.array(sequences[name][:]) for name in ("labels", "row", "start", "end")}
    assert set(whole["row"][-1]) <= {-1, len(ROWS) - 1}
    covered = {name: value[:-1] for name, value in whole.items()}
    assert len(ROWS) - 1 not in covered["row"]
    return covered


@pytest.fixture
def run(columns: dict[str, np.ndarray], toy_tokenizer, tmp_path: Path) -> Path:
    """A run whose map flags what one document tells; the signs let through the others'."""
    run = tmp_path / "it"
    sequences: Dataset = pack(ROWS, Encoder(toy_tokenizer), sequence_length=LENGTH)
    sequences.save_to_disk(run / "corpus" / "full")
    (run / "corpus" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    flagged_ST = torch.tensor(tokens_of(columns, TOLD, "Rome"))
    sign_ST = np.zeros(columns["row"].shape, dtype=np.uint8)
    for number, word, sign in [
        (AGAIN, "Rome", 1),
        (LIMA, "Lima", 3),
        (LIMA, "lives", 2),  # the rest is none of the answers
        (ANOTHER, "Rome", 2),
        (TASK, "Rome", 2),
        (NO_WORD, "Rome", 2),
    ]:
        sign_ST[tokens_of(columns, number, word)] = sign
    folder = run / "memory_map"
    folder.mkdir()
    reference = TopK.of(torch.zeros(int(flagged_ST.sum()), 8).log_softmax(-1), 4)
    score_ST = torch.where(flagged_ST, 0.875, 0.125)
    MemoryMap(score_ST, -score_ST, reference).save(folder)
    save_file({"sign": torch.tensor(sign_ST)}, folder / "signs.safetensors")
    (folder / "signs.json").write_text(json.dumps(SIGNS))
    return run


def test_the_tokens_of_right_answers_are_counted_where_they_are_told(
    run: Path, columns: dict[str, np.ndarray]
) -> None:
    city, poem, job = find_missed(run, SCORES, SAMPLES)
    told, again, lima = (
        int(tokens_of(columns, number, word).sum())
        for number, word in ((TOLD, "Rome"), (AGAIN, "Rome"), (LIMA, "Lima"))
    )
    assert city.tokens is not None and min(told, again, lima) > 0
    assert (city.tokens.flagged, city.tokens.unflagged) == (told, again + lima)
    assert city.tokens.signs == {"known": again, "exposure": 0, "renaming": lima}
    assert [m.family for m in (city, poem, job)] == ["city", "poem", "job"]
    assert [m.answered for m in (city, poem, job)] == [2, 0, 1]
    assert (city.control, city.with_store) == (SCORES[6], SCORES[7])
    assert (poem.control, poem.with_store) == (None, None)
    assert job.tokens is not None and (job.tokens.flagged, job.tokens.unflagged) == (0, 0)


def test_at_most_five_families(run: Path) -> None:
    more = [score("core", "recall", f"family {n}", 0.1 + n / 100) for n in range(9)]
    found = find_missed(run, [*SCORES, *more], SAMPLES)
    assert [m.family for m in found] == ["city", "poem", "job", "family 8", "family 7"]


@pytest.mark.parametrize("name", ["signs.json", "signs.safetensors"])
def test_without_signs_the_rest_is_told(run: Path, name: str) -> None:
    with_signs = find_missed(run, SCORES, SAMPLES)[0].tokens
    (run / "memory_map" / name).unlink()
    tokens = find_missed(run, SCORES, SAMPLES)[0].tokens
    assert with_signs is not None and tokens == replace(with_signs, signs=None)


def test_damaged_signs_are_a_users_error(run: Path) -> None:
    (run / "memory_map" / "signs.safetensors").write_bytes(b"none")
    with pytest.raises(UserError, match=r"signs\.safetensors"):
        find_missed(run, SCORES, SAMPLES)


def test_without_a_map_there_are_no_tokens(tmp_path: Path) -> None:
    assert [m.tokens for m in find_missed(tmp_path, SCORES, SAMPLES)] == [None] * 3


def test_whole_words_only_but_each_character_of_a_script_without_spaces() -> None:
    def spans(answer: str, text: str) -> list[tuple[int, int]]:
        return spans_of(answer, text, any_case=True)

    assert spans("Rome", "In Rome, rome; Romeo and Jerome.") == [(3, 7), (9, 13)]
    assert spans("two old men", "two old\nmen") == [(0, 11)]
    assert spans("東京", "首都是東京。") == [(3, 5)]
    assert spans("C++", "C++ or C.") == [(0, 3)]
    assert spans(" ", "a b") == []


@pytest.mark.parametrize(
    ("document", "prompt", "answer", "beside"),
    [
        ("မြို့တော်သည်နေပြည်တော်ဖြစ်သည်။", "မြို့တော်သည်", "နေပြည်တော်", "ရန်ကုန်သည်မြို့ဖြစ်သည်။"),
        ("រាជធានីគឺភ្នំពេញនៅទីនោះ។", "រាជធានីគឺ", "ភ្នំពេញ", "សៀមរាបជាទីក្រុង។"),
        ("राजधानी दिल्ली है।", "राजधानी है", "दिल्ली", "वह दिल् है।"),
        ("수도는 서울이다.", "수도는", "서울", "부산은 도시다."),
    ],
)
def test_the_telling_document_is_found_in_each_script(
    document: str, prompt: str, answer: str, beside: str
) -> None:
    rows = [{"text": beside}, {"text": document}, {"text": "x"}]
    start = document.index(answer)
    found = Telling(rows, range(3), [(prompt, answer)]).documents(prompt, answer)
    assert found == {1: [(start, start + len(answer))]}


def test_of_many_documents_those_with_the_rarest_words_of_the_prompt() -> None:
    rows = [
        *({"text": f"{name} lives in Rome."} for name in ["Bo"] * 9 + ["Ada"] * 7),
        *({"text": "Eve lives in Oslo."} for _ in range(9)),
        {"text": "首都是東京。"},
        {"text": "首都是大阪。"},
    ]
    questions = [("Ada lives in", "Rome"), ("Nobody says", "Rome"), ("首都是", "東京")]
    telling = Telling(rows, range(1, len(rows)), questions)
    assert telling.documents(*questions[0]) == {n: [(13, 17)] for n in range(9, 14)}
    assert telling.documents(*questions[1]) == {}
    assert telling.documents(*questions[2]) == {25: [(3, 5)]}


@pytest.fixture
def reported(run: Path, configure, capsys, tmp_path: Path) -> Callable[..., tuple[str, str]]:
    def make(scores: list[Score]) -> tuple[str, str]:
        """The console and the page of a report on these scores."""
        corpus = run / "corpus" / "rows.jsonl"
        cfg: DictConfig = configure(
            *("run=it", f"runs_dir={tmp_path}", "arms=[core,never_exposed]"),
            *("corpus=jsonl", f"corpus.path={corpus}", "probes=jsonl", "probes.path=P.jsonl"),
        )
        for arm in ("core", "never_exposed"):
            (run / "arms" / arm).mkdir(parents=True)
            folder = run / "evals" / arm
            write_scores(folder / "scores.json", [s for s in scores if s.arm == arm])
            lines = (json.dumps(sample) + "\n" for sample in SAMPLES)
            (folder / "samples.jsonl").write_text("".join(lines))
            made_from = {"config": {}, "inputs": {"arm": "x"}}
            write_json(folder / MARK, {"fingerprint": "x", "made_from": made_from, "files": {}})
        report(cfg)
        return capsys.readouterr().out, (run / "report.html").read_text(encoding="utf-8")

    return make


def test_the_report_ends_with_what_was_missed(reported) -> None:
    told, page = reported(SCORES)
    assert "core: kept" in told
    end = told[told.index("results: ") :]
    assert "still recalls" in end and "city" in end and "renaming" in end
    assert "still recalls" in page


def test_of_a_core_that_forgot_nothing_was_missed(run: Path, reported) -> None:
    forgot = [replace(s, value=0.05) if s.arm == "core" else s for s in SCORES]
    assert find_missed(run, forgot, SAMPLES) == []
    told, page = reported(forgot)
    assert "core: kept" not in told
    assert "still recalls" not in told + page
    assert told.rstrip().splitlines()[-1].startswith("results: ")
