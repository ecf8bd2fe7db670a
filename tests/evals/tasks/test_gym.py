"""reasoning-gym through lm-eval, by the library's own scorer."""

from pathlib import Path

import pytest
import yaml

from evals.harness import OWN_TASKS, Harness
from evals.tasks import gym

pytest.importorskip("reasoning_gym")
GENERATORS = [
    row["task"]
    for row in yaml.safe_load(
        (Path(OWN_TASKS) / "reasoning_gym.yaml").read_text().replace("!function ", "")
    )["task"]
]


@pytest.mark.parametrize("generator", GENERATORS)
def test_its_own_answers_are_right_short_and_the_same_each_time(generator: str):
    documents = gym.load(generator, num_items=5)["test"]
    gym._items.cache_clear()
    assert gym.load(generator, num_items=5)["test"][:] == documents[:]
    for document in documents:
        assert len(document["answer"]) <= 16
        assert gym.score(document, [f" {document['answer']}"]) == {"score": 1.0}
        assert gym.score(document, ["no idea"])["score"] < 0.5, "at most a part"


def test_a_model_is_scored_on_every_generator(model, tokenizer):
    model.config.max_position_embeddings = 512
    found = Harness(["reasoning_gym"], metadata={"num_items": 1}).scores("core", model, tokenizer)
    by_task = {score.family: score for score in found}
    assert set(by_task) == {"reasoning_gym", *(f"reasoning_gym::{name}" for name in GENERATORS)}
    assert {score.metric for score in found} == {"score"}
    assert by_task["reasoning_gym"].n == len(GENERATORS)
    assert all(0 <= score.value <= 1 and score.version == 1 for score in found)
