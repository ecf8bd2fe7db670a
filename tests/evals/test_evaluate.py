import pytest
from safetensors.torch import load_file, save_file

from core.errors import UserError
from evals.evaluate import evaluate_model, load_arm
from evals.recall.answers import answer_probes
from evals.scores import find


@pytest.fixture
def folder(tmp_path, model, tokenizer):
    model.save_pretrained(tmp_path / "core")
    tokenizer.save_pretrained(tmp_path / "core")
    return tmp_path / "core"


def test_a_loaded_model_answers_as_the_saved_one(folder, model, tokenizer, facts):
    loaded = load_arm(folder)
    scores, samples = evaluate_model("core", *loaded, facts)
    answers = answer_probes(model, tokenizer, facts)
    assert [s["predicted"] for s in samples] == [a.predicted for a in answers]
    assert samples[0]["id"] == "c0"
    assert samples[0]["answer"] == "Ulaanbaatar"
    assert find(scores, "core", "recall").n == len(facts)


def refused(folder) -> str:
    with pytest.raises(UserError) as error:
        load_arm(folder)
    message = str(error.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_a_missing_folder(tmp_path):
    assert "no model folder" in refused(tmp_path / "none")


def test_truncated_weights(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "can't load a model" in refused(folder)


def test_corrupt_weights(folder):
    (folder / "model.safetensors").write_bytes(b"not weights")
    assert "can't load a model" in refused(folder)


def test_missing_weights_are_not_left_random(folder):
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert "1 weights are missing or of another shape" in refused(folder)


def test_weights_of_another_shape_are_not_left_random(folder):
    config = folder / "config.json"
    config.write_text(
        config.read_text().replace('"intermediate_size": 64', '"intermediate_size": 32')
    )
    assert "6 weights are missing or of another shape" in refused(folder)


def test_no_weights_and_no_config(folder):
    (folder / "model.safetensors").unlink()
    assert "can't load a model" in refused(folder)
    (folder / "config.json").unlink()
    assert "can't load a model" in refused(folder)


def test_no_tokenizer(folder):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    assert "tokenizer" in refused(folder)


def test_a_corrupt_tokenizer(folder):
    (folder / "tokenizer.json").write_text("{")
    assert "can't load a tokenizer" in refused(folder)


def test_a_tokenizer_larger_than_the_embedding(folder, tokenizer, make_model):
    make_model(100).save_pretrained(folder)
    said = f"100 embedding rows but the tokenizer has {len(tokenizer)} tokens"
    assert said in refused(folder)
