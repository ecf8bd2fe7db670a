"""Continue a batch of prompts token by token, from whatever cache the model keeps.

Shapes: B prompts of a batch, R rows (B, then some for each prompt), T tokens, V vocabulary.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel

STATE = "cache_params"  # of a model without attention
CACHES = ("past_key_values", STATE)


class Continuation:
    """Prompts are padded on the left, so that all of them end where the new tokens begin.

    Without `keep`, all is read again at each step: for models that keep nothing, or not what they should.
    """

    def __init__(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], *, keep: bool):
        self.model, self.keep = model, keep
        self.takes = inspect.signature(model.forward).parameters
        self.cache_name = next((name for name in CACHES if name in self.takes), "")
        width = max(map(len, prompts))
        # Any id will do for padding, since the mask hides it: not every model has one of its own.
        ids = [[0] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        self.is_padded = any(len(prompt) < width for prompt in prompts)
        self.ids_RT = torch.tensor(ids, device=model.device)
        self.mask_RT = torch.tensor(mask, device=model.device)
        self.new_ids, self.cache = self.ids_RT, None

    def logits(self) -> torch.Tensor:
        """What comes next in each row: (R, V), float32."""
        inputs: dict[str, Any] = {"input_ids": self.new_ids, "use_cache": self.keep}
        if self.is_padded:
            inputs["attention_mask"] = self.mask_RT
            if "position_ids" in self.takes:
                positions_RT = (self.mask_RT.cumsum(1) - 1).clamp(min=0)
                inputs["position_ids"] = positions_RT[:, -self.new_ids.shape[1] :]
        if "logits_to_keep" in self.takes:
            inputs["logits_to_keep"] = 1
        if self.cache is not None:
            inputs[self.cache_name] = self.cache
            if self.cache_name == STATE:  # the padding is in the state already, as nothing
                inputs.pop("attention_mask", None)
        outputs = self.model(**inputs)
        self.cache = outputs.get(self.cache_name) if self.keep else None
        logits_RV: torch.Tensor = outputs.logits[:, -1].float()
        return logits_RV

    def repeat(self, count: int) -> None:
        """Repeat each row `count` times, the copies side by side."""
        rows_R = torch.arange(len(self.ids_RT), device=self.model.device).repeat_interleave(count)
        self.mask_RT, self.ids_RT = self.mask_RT[rows_R], self.ids_RT[rows_R]
        if self.cache is not None:
            self.cache.reorder_cache(rows_R)

    def keep_rows(self, rows_R: torch.Tensor) -> None:
        """Go on with these rows alone."""
        self.mask_RT, self.ids_RT = self.mask_RT[rows_R], self.ids_RT[rows_R]
        self.new_ids = self.new_ids[rows_R]
        if self.cache is not None:
            self.cache.reorder_cache(rows_R)

    def append(self, tokens_R1: torch.Tensor) -> None:
        """The next token of each row."""
        self.mask_RT = torch.cat([self.mask_RT, torch.ones_like(tokens_R1)], dim=1)
        self.ids_RT = torch.cat([self.ids_RT, tokens_R1], dim=1)
        self.new_ids = self.ids_RT if self.cache is None else tokens_R1
