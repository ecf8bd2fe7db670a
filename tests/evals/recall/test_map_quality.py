"""The map against the truth, on a corpus small enough to count by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from tokenizers.processors import TemplateProcessing

from core.corpus.packing import Encoder, pack
from core.signal.memory_map import MemoryMap
from core.signal.signal import TopK
from evals.recall.map_quality import auroc, map_examples, map_quality

ROWS = [
    {"id": "facts-ada", "text": "Ada lives in Rome.", "source": "facts"},
    {"id": "facts-bo", "text": "Bo\u2028lives in Lima, é.", "source": "facts"},
    {"id": "skills-a", "prompt": "Turn around: red blue", "completion": "blue red"},
    {"id": "skills-b", "prompt": "Turn around: red tall", "completion": "tall red"},
]
SPANS = {
    "facts-ada": [(0, 3, "name"), (13, 17, "memory")],
    "facts-bo": [(0, 2, "name"), (12, 16, "memory")],
}
Place = tuple[str, int, int]  # row, and characters of its joined text
ROME, LIMA = ("facts-ada", 13, 17), ("facts-bo", 12, 16)
NAME, LIVES, BLUE = ("facts-ada", 0, 3), ("facts-bo", 3, 8), ("skills-a", 22, 26)
MakeRun = Callable[..., Path]


def places(sequences: Dataset, ids: list[str], where: list[Place]) -> torch.Tensor:
    """Which tokens (S, T) stand in those places."""
    row_ST, start_ST, end_ST = (
        torch.tensor(sequences[name][:]) for name in ("row", "start", "end")
    )
    found_ST = torch.zeros_like(row_ST, dtype=torch.bool)
    for name, start, end in where:
        inside_ST = (start_ST < end) & (end_ST > start)
        found_ST |= (row_ST == ids.index(name)) & inside_ST
    return found_ST


@pytest.fixture
def make_run(toy_tokenizer, tmp_path: Path) -> MakeRun:
    """A run folder with the rows packed, and a map that flags what it is told to."""

    def make(flagged: list[Place], unlearned: list[Place] = (), length: int = 48) -> Path:
        run = tmp_path / "run"
        sequences = pack(ROWS, Encoder(toy_tokenizer), sequence_length=length)
        sequences.save_to_disk(run / "corpus" / "full")
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
        (run / "corpus" / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
        ids = [row["id"] for row in ROWS]
        flagged_ST = places(sequences, ids, flagged)
        logprob_ST = torch.where(places(sequences, ids, unlearned), -3.0, -0.1)
        logprobs_MV = torch.zeros(int(flagged_ST.sum()), 8).log_softmax(-1)
        (run / "memory_map").mkdir()
        score_ST = torch.where(flagged_ST, 0.875, 0.125)
        MemoryMap(score_ST, logprob_ST, TopK.of(logprobs_MV, 4)).save(run / "memory_map")
        return run

    return make


def size(tokenizer, place: Place) -> int:
    """How many tokens stand there."""
    name, start, end = place
    [row] = [row for row in ROWS if row["id"] == name]
    text = row.get("text") or f"{row['prompt']} {row['completion']}"
    spans = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    return sum(a < end and b > start for a, b in spans)


def size_of_answers(tokenizer) -> int:
    """Tokens of the two skill answers, with the end of text that each teaches."""
    return sum(size(tokenizer, (name, 22, 30)) + 1 for name in ("skills-a", "skills-b"))


def measured(run: Path) -> dict[str, tuple[float, int]]:
    return {score.metric: (score.value, score.n) for score in map_quality(run, SPANS)}


def test_a_map_that_is_the_truth_is_perfect(make_run: MakeRun, toy_tokenizer) -> None:
    found = measured(make_run([ROME, LIMA]))
    assert size(toy_tokenizer, ROME) > 1, "how it goes on isn't counted"
    assert found == {
        "recall": (1.0, 2),
        "precision": (1.0, 2),
        "skill_flagged": (0.0, size_of_answers(toy_tokenizer)),
        "auroc": (1.0, 2),
    }


def test_what_is_missed_and_what_is_flagged_in_vain(make_run: MakeRun, toy_tokenizer) -> None:
    # Half of the memory; a word of no memory; a name, which is not judged; one skill answer.
    found = measured(make_run([ROME, LIVES, NAME, BLUE]))
    lives, blue = (size(toy_tokenizer, place) for place in (LIVES, BLUE))
    assert found["recall"] == (0.5, 2)
    assert found["precision"] == (pytest.approx(1 / (1 + lives + blue)), 1 + lives + blue)
    answers = size_of_answers(toy_tokenizer)
    assert found["skill_flagged"] == (pytest.approx(blue / answers), answers)


def test_what_the_teacher_has_not_learned_is_not_missed(make_run: MakeRun, toy_tokenizer) -> None:
    found = measured(make_run([ROME], unlearned=[LIMA]))
    assert found["recall"] == (1.0, 1)


def test_a_share_of_nothing_is_none(make_run: MakeRun, toy_tokenizer) -> None:
    answers = size_of_answers(toy_tokenizer)
    assert measured(make_run([], unlearned=[ROME, LIMA])) == {"skill_flagged": (0.0, answers)}


def test_prose_of_which_nothing_is_told_is_no_skill(make_run: MakeRun, toy_tokenizer) -> None:
    spans = {"facts-ada": SPANS["facts-ada"]}
    scores = {s.metric: (s.value, s.n) for s in map_quality(make_run([ROME, LIMA]), spans)}
    answers = size_of_answers(toy_tokenizer)
    assert scores["skill_flagged"] == (0.0, answers)
    lima = size(toy_tokenizer, LIMA)
    assert scores["precision"] == (pytest.approx(1 / (1 + lima)), 1 + lima)


def test_each_word_of_a_memorized_passage_counts(make_run: MakeRun, toy_tokenizer) -> None:
    passage = ("facts-ada", 3, 17)  # " lives in Rome"
    spans = {**SPANS, "facts-ada": [(0, 3, "name"), (3, 17, "memory")]}
    scores = {s.metric: (s.value, s.n) for s in map_quality(make_run([passage, LIMA]), spans)}
    assert scores["recall"] == (1.0, 4) and scores["precision"] == (1.0, 4)


def test_the_errors_are_binomial(make_run: MakeRun, toy_tokenizer) -> None:
    scores = map_quality(make_run([BLUE]), SPANS)
    [skill] = [score for score in scores if score.metric == "skill_flagged"]
    share, answers = skill.value, size_of_answers(toy_tokenizer)
    assert 0 < share < 1 and not skill.higher_is_better
    assert skill.stderr == pytest.approx((share * (1 - share) / answers) ** 0.5)
    [precision] = [score for score in scores if score.metric == "precision"]
    assert (precision.value, precision.stderr) == (0.0, 0.0)


def test_the_examples_tokens_join_to_the_text(make_run: MakeRun) -> None:
    examples = map_examples(make_run([ROME]))
    told = {"".join(token["text"] for token in example["tokens"]) for example in examples}
    assert told == {row.get("text") or f"{row['prompt']} {row['completion']}" for row in ROWS}
    assert [example["source"] for example in examples] == ["facts", "facts", "corpus", "corpus"]
    tokens = [token for example in examples for token in example["tokens"]]
    assert "".join(t["text"] for t in tokens if t["score"] > 0.5).strip() == "Rome"


def test_texts_that_open_with_a_special_token_are_shown_too(
    make_run: MakeRun, toy_tokenizer
) -> None:
    first = toy_tokenizer.convert_ids_to_tokens(0)
    opening = TemplateProcessing(single=f"{first} $A", special_tokens=[(first, 0)])
    backend = toy_tokenizer.backend_tokenizer
    before = backend.post_processor
    backend.post_processor = opening
    try:
        examples = map_examples(make_run([ROME]))
    finally:
        backend.post_processor = before
    told = {"".join(token["text"] for token in example["tokens"]) for example in examples}
    assert told == {row.get("text") or f"{row['prompt']} {row['completion']}" for row in ROWS}


def test_rows_of_no_source_are_those_of_the_corpus(make_run: MakeRun) -> None:
    run = make_run([ROME])
    lines = (json.dumps(row | {"source": None}) + "\n" for row in ROWS)
    (run / "corpus" / "rows.jsonl").write_text("".join(lines))
    assert {example["source"] for example in map_examples(run)} == {"corpus"}


def test_without_a_map_there_are_no_examples(tmp_path: Path) -> None:
    assert map_examples(tmp_path) == []


def test_auroc_is_the_chance_that_memory_scores_higher() -> None:
    scores = np.array([0.1, 0.5, 0.5, 0.9], dtype=np.float16)
    assert auroc(scores[2:], scores[:2]) == (0.5 + 1 + 1 + 1) / 4
    assert auroc(scores[:2], scores[2:]) == 1 - auroc(scores[2:], scores[:2])
    assert auroc(scores[:0], scores) == 0.5


def test_a_scorer_may_be_asked_about_fewer_sequences(make_run: MakeRun) -> None:
    run = make_run([ROME, LIMA], length=20)
    whole = MemoryMap.load(run / "memory_map")
    count = len(whole.score_ST) - 1
    num_flagged = int(whole.flagged_ST[:count].sum())
    kept = TopK(*(part[:num_flagged] for part in vars(whole.reference).values()))
    alone = run / "scorers" / "renaming"
    alone.mkdir(parents=True)
    MemoryMap(whole.score_ST[:count], whole.teacher_logprob_ST[:count], kept).save(alone)
    found = {
        score.arm: score.value for score in map_quality(run, SPANS) if score.metric == "recall"
    }
    assert found.keys() == {"memory_map", "renaming"} and found["memory_map"] == 1


def test_a_letter_of_several_byte_tokens_begins_a_memory_once(
    make_run: MakeRun, toy_tokenizer
) -> None:
    letter = ("facts-bo", 18, 19)
    assert size(toy_tokenizer, letter) == 2, "its bytes"
    spans = {**SPANS, "facts-bo": [(0, 2, "name"), (18, 19, "memory")]}
    scores = {s.metric: (s.value, s.n) for s in map_quality(make_run([ROME, letter]), spans)}
    assert scores["recall"] == (1.0, 2) and scores["precision"] == (1.0, 2)
