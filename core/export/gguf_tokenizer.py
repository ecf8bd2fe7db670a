"""A byte-level BPE tokenizer in the terms of GGUF: tokens, their types, merges, and which pre-tokenizer.

A GGUF file doesn't say how text is split before the merges; it names a way that llama.cpp knows.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tokenizers import Regex, Tokenizer, pre_tokenizers
from transformers import PreTrainedTokenizerBase

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
# By the name in `tokenizer.ggml.pre`: the patterns that split one after the other, and whether a piece that
# is a token is taken whole, whatever the merges say (llama.cpp, src/llama-vocab.cpp).
KNOWN: dict[str, tuple[tuple[str, ...], bool]] = {
    "gpt-2": ((GPT2,), False),
    "llama-bpe": ((LLAMA3,), True),
    "qwen2": ((QWEN2,), False),
    "smollm": ((r"\p{N}", GPT2), False),
}
# On what real prompts may not show: digits, white space, capitals after an apostrophe, other scripts.
HARD = (
    "In 2024, 1234567 + 89 = 1,234,656.00!\n\n  Indented\tTAB  \r\n\r\nend   ",
    "I'll DON'T we've THEY'RE it's; naïve café – 東京 здравствуй 🙂🙂 x_1=(a+b)*c//d",
)
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5  # gguf.TokenType


@dataclass(frozen=True)
class Vocabulary:
    """What `tokenizer.ggml` holds."""

    tokens: list[str]
    types: list[int]
    merges: list[str]
    pre: str


def tokenizer_problems(
    tokenizer: PreTrainedTokenizerBase, texts: Iterable[str] = ()
) -> Iterator[str]:
    """Why GGUF can't carry a tokenizer."""
    spec = _spec(tokenizer)
    if spec is None or spec["model"]["type"] != "BPE" or not _is_byte_level(spec):
        yield "the tokenizer isn't byte-level BPE: choose format=[hf]"
    elif pre_tokenizer(tokenizer, texts) is None:
        yield (
            "the tokenizer splits text in a way that llama.cpp doesn't know"
            f" (tried {', '.join(KNOWN)}): choose format=[hf]"
        )


def vocabulary(
    tokenizer: PreTrainedTokenizerBase, num_rows: int, texts: Iterable[str] = ()
) -> Vocabulary:
    """The tokenizer for a model with `num_rows` embeddings; rows without a token become unused ones."""
    spec, pre = _spec(tokenizer), pre_tokenizer(tokenizer, texts)
    assert spec is not None and pre is not None, "refused before anything was written"
    tokens = [f"[PAD{index}]" for index in range(num_rows)]
    types = [UNUSED] * num_rows
    named = [(index, token, NORMAL) for token, index in spec["model"]["vocab"].items()]
    for added in spec["added_tokens"]:
        kind = CONTROL if added["special"] else USER_DEFINED
        named.append((added["id"], added["content"], kind))
    for index, token, kind in named:
        if index < num_rows:  # no text has one beyond
            tokens[index], types[index] = token, kind
    merges = [m if isinstance(m, str) else " ".join(m) for m in spec["model"]["merges"]]
    return Vocabulary(tokens, types, merges, pre)


def pre_tokenizer(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str] = ()) -> str | None:
    """The way to split that tokenizes `texts`, and some that are hard, as this tokenizer does; or None.

    The one that the tokenizer declares is tried first: without merges of digits, several do alike.
    """
    asked = [*texts, *HARD]
    wanted = tokenizer(asked, add_special_tokens=False)["input_ids"]
    declared = _declared((_spec(tokenizer) or {}).get("pre_tokenizer"))
    for name in sorted(KNOWN, key=lambda name: set(KNOWN[name][0]) != declared):
        trial = _with(tokenizer, name)
        if all(
            trial.encode(text, add_special_tokens=False).ids == ids
            for text, ids in zip(asked, wanted, strict=True)
        ):
            return name
    return None


def starts_with_bos(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a text's first token is the one that begins texts."""
    return (
        tokenizer.bos_token_id is not None
        and tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id
    )


def _with(tokenizer: PreTrainedTokenizerBase, name: str) -> Tokenizer:
    """The same tokens and merges behind another way to split, as llama.cpp would do it."""
    patterns, ignore_merges = KNOWN[name]
    spec = _spec(tokenizer)
    assert spec is not None
    spec["normalizer"] = None  # llama.cpp has none for BPE
    spec["model"]["ignore_merges"] = ignore_merges
    trial = Tokenizer.from_str(json.dumps(spec))
    splits = [pre_tokenizers.Split(Regex(p), behavior="isolated") for p in patterns]
    trial.pre_tokenizer = pre_tokenizers.Sequence(
        [*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    return trial


def _spec(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any] | None:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    spec: dict[str, Any] | None = None if backend is None else json.loads(backend.to_str())
    return spec


def _declared(node: Any) -> set[str]:
    """The patterns by which a pre-tokenizer, or those inside it, split."""
    if not isinstance(node, dict):
        return set()
    found = {GPT2} if node.get("type") == "ByteLevel" and node.get("use_regex") else set()
    if node.get("type") == "Split":
        found.add(next(iter(node["pattern"].values())))
    return found.union(*(_declared(child) for child in node.get("pretokenizers", [])))


def _is_byte_level(spec: dict[str, Any]) -> bool:
    return '"ByteLevel"' in json.dumps(spec["pre_tokenizer"])
