import pytest
import torch

from evals.recall.forward import last_hidden_states, text_logits

TEXTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11], [12, 13]]


@pytest.mark.parametrize("tokens_per_batch", [1, 8192])
def test_batched_passes_are_those_of_single_texts(any_model, tokens_per_batch, monkeypatch):
    monkeypatch.setattr("evals.recall.forward.TOKENS_PER_BATCH", tokens_per_batch)
    found = dict(text_logits(any_model, TEXTS))
    hidden_LND = last_hidden_states(any_model, TEXTS)
    for index, text in enumerate(TEXTS):
        with torch.no_grad():
            alone = any_model(torch.tensor([text]), output_hidden_states=True, use_cache=False)
        torch.testing.assert_close(found[index], alone.logits[0], atol=1e-4, rtol=1e-4)
        last_LD = torch.stack([hidden[0, -1] for hidden in alone.hidden_states])
        torch.testing.assert_close(hidden_LND[:, index], last_LD, atol=1e-4, rtol=1e-4)
