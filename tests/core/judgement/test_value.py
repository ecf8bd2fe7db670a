"""A value in its file: what it reads, and which cores it refuses."""

from pathlib import Path

import pytest
import torch

from core.errors import UserError
from core.judgement.reading import feelings, read_texts
from core.judgement.value import Value, fit_value


@pytest.fixture
def made(make_writer, coins) -> tuple[Value, list]:
    writer = make_writer()
    generator = torch.Generator().manual_seed(0)
    solutions = [s for own in writer.attempts(coins, 8, generator=generator) for s in own]
    texts = [(s.prompt, s.written) for s in solutions]
    readings = read_texts(writer.model, texts, -1)
    return fit_value(readings, [s.right for s in solutions], layer=-1, core="mine"), texts


def test_it_comes_back_as_it_was(made, make_writer, tmp_path: Path) -> None:
    value, texts = made
    model = make_writer().model
    value.save(tmp_path / "value.safetensors")
    again = Value.load(tmp_path / "value.safetensors", model, "mine")
    assert again.at_end(model, texts) == value.at_end(model, texts)
    assert [path.name for path in tmp_path.iterdir()] == ["value.safetensors"]


def test_another_core_layer_or_width_is_refused(made, make_llama, tmp_path: Path) -> None:
    value, _ = made
    path = tmp_path / "value.safetensors"
    value.save(path)
    with pytest.raises(UserError, match=r"another core \(mine; the one there now is other\)"):
        Value.load(path, make_llama(), "other")
    with pytest.raises(UserError, match="hidden states of 16 numbers, not 32"):
        Value.load(path, make_llama(hidden_size=32), "mine")
    Value(value.heads, value.guard, 7, "mine").save(path)
    with pytest.raises(UserError, match=r"value.layer=7: the model has layers 0 to 2"):
        Value.load(path, make_llama(), "mine")


def test_a_damaged_or_missing_file_is_told(made, make_llama, tmp_path: Path) -> None:
    path = tmp_path / "value.safetensors"
    with pytest.raises(UserError, match="run `winnow value` first"):
        Value.load(path, make_llama(), "mine")
    made[0].save(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match="is damaged"):
        Value.load(path, make_llama(), "mine")


def test_reading_in_a_batch_is_reading_alone(make_writer, coins, made) -> None:
    model, texts = make_writer().model, made[1][:5]
    for together, text in zip(read_texts(model, texts, 1), texts, strict=True):
        (alone,) = read_texts(model, [text], 1)
        torch.testing.assert_close(together.hidden_ND, alone.hidden_ND, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(together.feeling_N3, alone.feeling_N3, rtol=1e-4, atol=1e-5)
        assert len(alone.hidden_ND) == len(text[1])


def test_the_last_layer_is_what_is_projected(make_writer, made) -> None:
    model, (prompt, written) = make_writer().model, made[1][0]
    (reading,) = read_texts(model, [(prompt, written)], -1)
    logits_TV = model(input_ids=torch.tensor([[*prompt, *written]])).logits[0]
    said_NV = model.get_output_embeddings()(reading.hidden_ND)
    torch.testing.assert_close(said_NV, logits_TV[len(prompt) :], rtol=1e-4, atol=1e-4)


def test_feelings_are_of_all_that_is_written_so_far() -> None:
    logits_NV = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 0.0]])
    found = feelings(logits_NV, torch.tensor([0, 0, 1]))
    log2 = torch.tensor(2.0).log()
    expected = torch.tensor([[-log2, log2, 0.5], [-log2, log2, 0.5], [-2 * log2, 2 * log2, 0.5]])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_a_text_without_anything_written_is_refused(make_llama) -> None:
    with pytest.raises(UserError, match="something written behind it"):
        read_texts(make_llama(), [([3], [])], -1)
