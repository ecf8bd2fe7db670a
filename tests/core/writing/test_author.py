"""An author writes in the precision that is faster, and reads its own prompts."""

import pytest
import torch

from core.writing import author
from core.writing.author import Author
from core.writing.requests import Way


@pytest.mark.parametrize(("pays", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_it_writes_in_bfloat16_where_that_is_faster(
    make_llama, toy_tokenizer, monkeypatch: pytest.MonkeyPatch, pays: bool, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(author, "in_bfloat16", lambda precision: pays)
    made = Author(make_llama(), toy_tokenizer)
    assert made.model.dtype == dtype
    way = Way(1, 2, 8, 1.0)
    one, again = (made.go_on(["Ada lives in"], way, seed=3) for _ in range(2))
    assert one == again and len(one[0]) == way.num_samples
