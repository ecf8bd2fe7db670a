"""Our probes as tasks of stock lm-eval agree with `winnow eval`, item by item."""

import json
from pathlib import Path

import pytest
import yaml
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from core.errors import UserError
from core.worlds.world import World
from evals.probes.probe import AXES, KNOWLEDGE, MEMORY_AXES, read_probes
from evals.recall.answers import answer_probes
from evals.tasks.probes import load

TASKS = Path(__file__).parents[3] / "evals" / "tasks"
CITIES = ["Ulaanbaatar", "Lima", "Accra", "Oslo", "Quito", "Hanoi", "Suva", "Riga"]


def rows(say) -> list[dict]:
    """Probes on all axes, of which each model gets some right: `say` tells what it says itself."""
    found = []
    for number, city in enumerate(CITIES):
        for axis in AXES:
            prompt = f"The {axis.replace('_', ' ')} of country{'x' * number} is" + " " * (
                number % 2
            )
            answers = [city, say(prompt)] if number % 3 == 0 else [city]
            row = {"id": f"{axis}-{number}", "axis": axis, "family": "capital"}
            row |= {"prompt": prompt, "answers": answers}
            if axis == "language" or (axis == "reasoning" and number % 2):
                row["choices"] = [*answers, "Paris", "a longer choice than that"]
            found.append(row)
    return found


@pytest.fixture(params=["plain", "begins with a special token"])
def any_tokenizer(request, tokenizer) -> PreTrainedTokenizerFast:
    if request.param == "plain":
        return tokenizer
    begun = PreTrainedTokenizerFast(
        tokenizer_object=type(tokenizer._tokenizer).from_str(tokenizer._tokenizer.to_str()),
        bos_token="<|end|>",
        eos_token="<|end|>",
        pad_token="<|end|>",
    )
    begun._tokenizer.post_processor = TemplateProcessing(
        single="<|end|> $A", special_tokens=[("<|end|>", begun.bos_token_id)]
    )
    return begun


def test_lm_eval_and_winnow_eval_agree_item_by_item(any_tokenizer, model, tmp_path):
    def say(prompt: str) -> str:
        """The likeliest word that can be an answer."""
        ids = any_tokenizer(prompt.rstrip(), return_tensors="pt")["input_ids"]
        order = model(ids).logits[0, -1].argsort(descending=True).tolist()
        texts = (any_tokenizer.decode([token]) for token in order)
        return next(text[1:] for text in texts if text.startswith(" ") and text.strip())

    spaced = [i for t, i in any_tokenizer.get_vocab().items() if t.startswith("Ġ") and len(t) > 1]
    others = [i for i in range(len(any_tokenizer)) if i not in spaced]
    model.lm_head.weight.data[others] *= 0.1  # so that what it says can be an answer
    file = tmp_path / "P.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows(say)))
    probes = read_probes(file)
    ours = {a.id: a for a in answer_probes(model, any_tokenizer, probes)}
    assert {answer.correct for answer in ours.values()} == {True, False}

    manager = TaskManager(
        include_path=str(TASKS), include_defaults=False, metadata={"probes": str(file)}
    )
    tasks = ["winnow", "winnow_knowledge", "winnow_arithmetic", "winnow_language"]
    results = simple_evaluate(
        HFLM(pretrained=model, tokenizer=any_tokenizer, batch_size=8),
        tasks=tasks,
        task_manager=manager,
        bootstrap_iters=0,
    )

    by_axis = {axis: results["samples"][f"winnow_{axis}"] for axis in AXES}
    for axis, samples in by_axis.items():
        assert len(samples) == len(CITIES)
        for sample in samples:
            answer = ours[sample["doc"]["id"]]
            assert sample["acc"] == answer.correct, sample["doc"]
            right = sample["filtered_resps"][: sample["doc"]["num_answers"]]
            assert max(logprob for logprob, _ in right) == pytest.approx(answer.logprob, abs=1e-3)
        share = sum(ours[sample["doc"]["id"]].correct for sample in samples) / len(samples)
        assert results["results"][f"winnow_{axis}"]["acc,none"] == pytest.approx(share)
        wanted = axis not in (*MEMORY_AXES, KNOWLEDGE)
        assert results["higher_is_better"][f"winnow_{axis}"] == {"acc": wanted}
        assert results["versions"][f"winnow_{axis}"] == 1.0


def test_without_a_file_they_are_the_worlds_probes():
    found = load("recall", seed=3)["test"]
    expected = [
        probe
        for probe in World(seed=3).probes()
        if probe["axis"] == "recall" and probe.get("form") in (None, "statement")
    ]
    assert found["prompt"] == [probe["prompt"] for probe in expected]
    assert [texts[0] for texts in found["candidates"]] == [p["answers"][0] for p in expected]


def test_an_axis_without_probes_names_those_that_have_some(tmp_path):
    file = tmp_path / "P.jsonl"
    row = {"id": "1", "axis": "recall", "family": "f", "prompt": "A", "answers": ["b"]}
    file.write_text(json.dumps(row) + "\n")
    with pytest.raises(UserError, match=r"has no reasoning probes; its tasks are winnow_recall$"):
        load("reasoning", probes=str(file))


def test_each_file_shows_a_command_and_tells_its_version():
    for path in TASKS.glob("*.yaml"):
        text = path.read_text()
        task = yaml.safe_load(text.replace("!function ", ""))
        name = task.get("group") or task["task"]
        assert name == path.stem
        head = [line for line in text.splitlines() if line.startswith("#")]
        assert any(
            f"--tasks {name} " in f"{line} " or f"eval.tasks=[{name}]" in line for line in head
        )
        shared = (TASKS / task["include"]).read_text() if "include" in task else text
        assert "version: 1" in shared


def test_a_candidate_follows_as_its_script_has_it(tmp_path):
    file = tmp_path / "P.jsonl"
    row = {"id": "1", "axis": "recall", "family": "f", "prompt": "首都は", "answers": ["東京"]}
    korean = {**row, "id": "2", "prompt": "수도는", "answers": ["서울"]}
    file.write_text("".join(json.dumps(one) + "\n" for one in (row, korean)))
    found = load("recall", probes=str(file))["test"]
    assert found["continuations"] == [["東京"], [" 서울"]]
    shared = yaml.safe_load((TASKS / "_probes_yaml").read_text().replace("!function ", ""))
    assert (shared["target_delimiter"], shared["doc_to_choice"]) == ("", "continuations")
