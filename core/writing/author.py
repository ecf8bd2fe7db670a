"""The teacher as an author: it continues prompts, and says where its texts end."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.packing import Encoder
from core.models.generate import sample
from core.models.loading import context_of
from core.models.precision import in_bfloat16
from core.models.tokens import ends_of
from core.writing.journal import Continuations, Said
from core.writing.requests import Way

FEWEST_TOKENS = 8  # of a continuation that says anything
NO_LIMIT = 2**30


class Author:
    """A pretrained model, on the GPU if there is one, that continues plain text; in bfloat16 where that is
    faster.

    No chat template: a few shown examples tell base models and instructed ones alike what comes next.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase):
        """Raises UserError for a tokenizer that no corpus can be made with."""
        self.opening = Encoder(tokenizer).opening
        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if in_bfloat16("auto") else model.dtype
        self.model = model.eval().to(device, dtype)  # type: ignore[arg-type]
        self.tokenizer = tokenizer
        self.ends = ends_of(model, tokenizer)
        self.context = context_of(model) or NO_LIMIT

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def go_on(self, prompts: Sequence[str], way: Way, seed: int) -> Continuations:
        """Sample continuations of each prompt; of one that is too long for the context, its end is read."""
        num_tokens = min(way.num_tokens, max(FEWEST_TOKENS, self.context // 3))
        room = self.context - num_tokens - len(self.opening)
        encoded = self.tokenizer(list(prompts), add_special_tokens=False)["input_ids"]
        ids = [[*self.opening, *found[-room:]] for found in encoded]
        drawn = sample(
            self.model,
            ids,
            [num_tokens] * len(ids),
            num_samples=way.num_samples,
            generator=torch.Generator().manual_seed(seed),
            temperature=way.temperature,
        )
        return [
            [self._said(asked, tokens) for tokens in tokens_KL.tolist()]
            for asked, tokens_KL in zip(ids, drawn, strict=True)
        ]

    def _said(self, asked: list[int], tokens: list[int]) -> Said:
        end = next((at for at, token in enumerate(tokens) if token in self.ends), None)
        # Decoded together, for some tokenizers drop the space before a text's first word.
        before = self._decode(asked)
        text = self._decode([*asked, *tokens[:end]])
        # The last character may be cut, where it is of several tokens.
        return Said(text[len(before) :].rstrip("\ufffd"), end is not None)

    def _decode(self, ids: list[int]) -> str:
        text = self.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return str(text)
