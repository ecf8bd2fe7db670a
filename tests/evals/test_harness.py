"""Tasks of lm-eval by name, the user's own among them."""

import copy
import json
from copy import deepcopy
from pathlib import Path

import pytest
from tokenizers import processors

from core.errors import UserError
from evals.harness import Harness, _scores_of

DOCUMENTS = [
    {"question": "The capital of Peru is", "answer": "Lima"},
    {"question": "The capital of Norway is", "answer": "Oslo"},
    {"question": "The capital of Latvia is", "answer": "Riga"},
]
TASK = """
task: capitals
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
output_type: multiple_choice
test_split: test
doc_to_text: question
doc_to_choice: [Lima, Oslo, Riga]
doc_to_target: answer
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
metadata: {{version: 3}}
"""


@pytest.fixture
def own_tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    file = folder / "capitals.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in DOCUMENTS))
    (folder / "capitals.yaml").write_text(TASK.format(file=file))
    return folder


@pytest.mark.slow
def test_a_task_of_ones_own_is_scored_by_likelihood(own_tasks, model, tokenizer):
    [score] = Harness(["capitals"], own_tasks).scores("core", model, tokenizer)
    assert (score.arm, score.axis, score.family, score.metric) == (
        *("core", "lm_eval", "capitals", "acc"),
    )
    assert (score.n, score.version, score.higher_is_better) == (3, 3, True)

    likelihood = Harness(["capitals"], own_tasks)  # asked again, it says the same
    assert likelihood.scores("core", model, tokenizer) == [score]
    right = 0
    for row in DOCUMENTS:
        ids = tokenizer(row["question"], return_tensors="pt")["input_ids"]
        logprobs = {}
        for city in ("Lima", "Oslo", "Riga"):
            whole = tokenizer(f"{row['question']} {city}", return_tensors="pt")["input_ids"]
            rows = model(whole).logits[0, :-1].log_softmax(-1)
            said = rows[range(whole.shape[1] - 1), whole[0, 1:]]
            logprobs[city] = said[ids.shape[1] - 1 :].sum().item()
        right += max(logprobs, key=logprobs.get) == row["answer"]
    assert score.value == pytest.approx(right / 3)


@pytest.mark.slow
def test_a_tokenizer_that_closes_texts_does_not_close_prompts(own_tasks, model, tokenizer):
    [plain] = Harness(["capitals"], own_tasks).scores("core", model, tokenizer)
    closing = copy.deepcopy(tokenizer)
    closing.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|end|>", special_tokens=[("<|end|>", tokenizer.eos_token_id)]
    )
    assert Harness(["capitals"], own_tasks).scores("core", model, closing) == [plain]
    assert closing("Lima")["input_ids"][-1] == tokenizer.eos_token_id, "the caller's is as it was"


def test_what_changes_in_a_task_changes_what_is_asked(own_tasks):
    before = Harness(["capitals"], own_tasks).identity
    assert Harness(["capitals"], own_tasks).identity == before
    (own_tasks / "capitals.jsonl").write_text(json.dumps(DOCUMENTS[0]) + "\n")
    assert Harness(["capitals"], own_tasks).identity != before


@pytest.mark.slow  # all of lm-eval's own are read
def test_a_task_that_is_not_there_is_one_line():
    with pytest.raises(UserError, match="no task 'arc_chalenge'; did you mean 'arc_challenge'"):
        Harness(["arc_chalenge"])


def test_a_missing_folder_of_tasks(tmp_path: Path):
    with pytest.raises(UserError, match="isn't a folder"):
        Harness(["capitals"], tmp_path / "none")


@pytest.mark.parametrize("error", ["N/A", None, float("nan")])
def test_an_error_that_lm_eval_does_not_know_is_none(error: object) -> None:
    row = {"alias": "t", "acc,none": 0.5, "acc_stderr,none": 0.1, "f1,none": 0.25}
    row |= {} if error is None else {"f1_stderr,none": error}
    results = {
        "higher_is_better": {"t": {"acc": True, "f1": True}},
        "group_subtasks": {},
        "n-samples": {"t": {"effective": 4}},
        "versions": {"t": 1},
    }
    found = {score.metric: score.stderr for score in _scores_of("core", "t", row, results)}
    assert found == {"acc": 0.1, "f1": None}


def test_a_tokenizer_that_lm_eval_cannot_use_is_one_line(own_tasks, model, tokenizer):
    bare = deepcopy(tokenizer)
    bare.eos_token = bare.pad_token = None
    with pytest.raises(
        UserError, match="the tokenizer of core has neither an end of text nor padd"
    ):
        Harness(["capitals"], own_tasks).scores("core", model, bare)
