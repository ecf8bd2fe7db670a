"""Attention is computed otherwise only where that trains faster, and to the same gradients."""

import pytest
import torch

from core.models.attention import SHORT, fast_attention


@pytest.mark.parametrize(
    ("length", "reduced", "way"),
    [(SHORT, True, "eager"), (SHORT, False, "sdpa"), (SHORT + 1, True, "sdpa")],
)
def test_short_rows_in_bfloat16_take_plain_products(make_llama, length, reduced, way) -> None:
    model = make_llama(attn_implementation="sdpa")
    with fast_attention(model, length, reduced):
        assert model.config._attn_implementation == way
    assert model.config._attn_implementation == "sdpa"


def test_an_error_leaves_the_model_as_it_was(make_llama) -> None:
    model = make_llama(attn_implementation="sdpa")
    with pytest.raises(ZeroDivisionError), fast_attention(model, 8, True):
        raise ZeroDivisionError
    assert model.config._attn_implementation == "sdpa"


def test_packed_rows_have_the_same_gradients(make_llama) -> None:
    ids_BT = torch.randint(2, 60, (2, 24), generator=torch.Generator().manual_seed(0))
    positions_BT = torch.cat([torch.arange(10), torch.arange(14)]).expand(2, 24)
    found = []
    for reduced in (False, True):
        model = make_llama(attn_implementation="sdpa")
        with fast_attention(model, 24, reduced):
            model(
                input_ids=ids_BT, position_ids=positions_BT, labels=ids_BT, use_cache=False
            ).loss.backward()
        found.append([p.grad for p in model.parameters()])
    for fused, plain in zip(*found, strict=True):
        torch.testing.assert_close(fused, plain, rtol=1e-4, atol=1e-5)
