import pytest
import torch
from transformers import Gemma3nForCausalLM, Gemma3nTextConfig

from core.errors import UserError
from core.judgement.reading import read_texts
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


def test_states_in_several_streams_are_no_states_of_a_token():
    """Theirs are (streams, B, T, D): read as (B, T, D), another text's would be taken."""
    sizes = {"hidden_size": 16, "intermediate_size": 16, "head_dim": 8, "laurel_rank": 4}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 2}
    own = {"vocab_size_per_layer_input": 40, "hidden_size_per_layer_input": 4}
    config = Gemma3nTextConfig(
        vocab_size=40,
        **sizes,
        **heads,
        **own,
        num_kv_shared_layers=0,
        activation_sparsity_pattern=[0.0, 0.0],
    )
    model = Gemma3nForCausalLM(config)
    assert last_hidden_states(model, TEXTS) is None
    with pytest.raises(UserError, match="no single hidden state a token there"):
        read_texts(model, [([1, 2], [3]), ([4], [5])], 1)
