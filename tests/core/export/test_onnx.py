"""The ONNX graph reads a prompt, goes on from its cache, and takes padded batches."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.export.onnx import FILE, Onnx, OnnxRuntime
from core.export.parity import compare
from tests.core.export.conftest import prompts_for, said_by

for package in ("onnx", "onnxruntime", "onnxscript"):
    pytest.importorskip(
        package, reason="needs the extra: pip install -c constraints.txt -e '.[export]'"
    )


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_prompt_and_cache_give_the_checkpoint_s_logits(family, make_source, tmp_path: Path) -> None:
    source = make_source(family)
    assert list(Onnx().problems(source, prompts_for(source))) == []
    Onnx().write(source, prompts_for(source), tmp_path)
    assert (tmp_path / FILE).stat().st_size < 1.5 * Onnx().size(source) + 2**20
    [reader] = Onnx().readers(tmp_path)
    parity = compare(reader, said_by(source))
    assert parity.max_logit_difference < 1e-3
    assert parity.greedy_agreement == parity.tokenized_alike == 1
    logits = padded_batch(reader, source)
    with torch.no_grad():
        alone = source.model(input_ids=torch.tensor([[5, 6, 7]])).logits[0]
    assert np.abs(logits[1, 2:] - alone.numpy()).max() < 1e-3, "padding isn't seen"


def padded_batch(reader: OnnxRuntime, source) -> np.ndarray:
    """Logits of a batch of two, the second padded on the left by two."""
    past = {
        one.name: np.zeros([2, one.shape[1], 0, one.shape[3]], np.float32)
        for one in reader.session.get_inputs()
        if one.name.startswith("past_key_values")
    }
    given = {
        "input_ids": np.array([[8, 9, 10, 11, 12], [1, 1, 5, 6, 7]]),
        "attention_mask": np.array([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]]),
        "position_ids": np.array([[0, 1, 2, 3, 4], [0, 0, 0, 1, 2]]),
    }
    logits: np.ndarray = reader.session.run(["logits"], {**given, **past})[0]
    return logits
