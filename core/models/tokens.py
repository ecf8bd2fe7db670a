"""Text as a model reads it: what its tokenizer begins a text with, the text's own tokens, and nothing after
them.

Some tokenizers close a text as well (`</s>`): a prompt read so would be over before its answer.
"""

import copy
from collections.abc import Sequence
from itertools import takewhile
from operator import itemgetter

from tokenizers import processors
from transformers import PreTrainedModel, PreTrainedTokenizerBase


def opening_of(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The special tokens that the tokenizer puts before any text."""
    backend = _backend(tokenizer)
    if backend is not None:
        some = backend.encode("a")
        ids, is_special = some.ids, some.special_tokens_mask
    else:
        encoded = tokenizer("a", return_special_tokens_mask=True)
        ids, is_special = encoded["input_ids"], encoded["special_tokens_mask"]
    added = takewhile(itemgetter(1), zip(ids, is_special, strict=True))
    return [token for token, _ in added]


def read(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text behind the tokenizer's opening."""
    opening = opening_of(tokenizer)
    return [[*opening, *ids] for ids in plain(tokenizer, texts)]


def plain(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text alone."""
    if not texts:
        return []
    backend = _backend(tokenizer)
    if backend is None:
        return list(tokenizer(list(texts), add_special_tokens=False)["input_ids"])
    # Without the masks and offsets that take a tokenizer most of its time.
    return [e.ids for e in backend.encode_batch_fast(list(texts), add_special_tokens=False)]


def left_open(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """Copy a tokenizer so that it closes no text, for a library that reads prompts with all that it adds."""
    backend, opening = _backend(tokenizer), opening_of(tokenizer)
    [some] = read(tokenizer, ["a"])
    if len(some) == len(tokenizer("a")["input_ids"]):
        return tokenizer
    opened = copy.deepcopy(tokenizer)
    if backend is None:  # written in Python: what it adds is a method's
        opened.build_inputs_with_special_tokens = lambda ids, _=None: [*opening, *ids]
        return opened
    tokens = tokenizer.convert_ids_to_tokens(opening)
    opened.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=[*tokens, "$A"], special_tokens=list(dict(zip(tokens, opening, strict=True)).items())
    )
    return opened


def ends_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """All tokens that end a text: the tokenizer's, and those at which `generate` stops, often several."""
    found: set[int] = set()
    for holder in (tokenizer, model.generation_config):
        ids = getattr(holder, "eos_token_id", None)
        found.update(ids if isinstance(ids, list | tuple) else [] if ids is None else [ids])
    return {
        token for token in found if token < len(tokenizer)
    }  # a configuration's default may lie beyond


def before_end(ids: Sequence[int], ends: set[int]) -> list[int]:
    """The tokens before the first that ends the text."""
    return list(takewhile(lambda token: token not in ends, ids))


def _backend(tokenizer: PreTrainedTokenizerBase):  # type: ignore[no-untyped-def]
    """The fast tokenizer beneath, without what an earlier call may have left; None where there is none."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_padding()
        backend.no_truncation()
    return backend
