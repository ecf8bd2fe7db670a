"""A text read behind another one: the tokens of both together, cut where the first ends."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from core.corpus.script import joint
from core.models.tokens import plain, read

BREAK = "\n"  # behind it no tokenizer puts a space before a text


def encode_all(
    tokenizer: PreTrainedTokenizerBase, pairs: Sequence[tuple[str, str]]
) -> list[tuple[list[int], list[int]]]:
    """Encode prompts and the answers behind them, joined as their script joins words.

    Gives the token ids of each prompt and of its answer. The answer is what the joined text has beyond the
    prompt's tokens, and white space at the prompt's end counts with it, as in lm-evaluation-harness: so a
    SentencePiece tokenizer is read right, and one that begins a text with a special token does so here. Where
    some token holds the end of one and the beginning of the other, the answer is tokenized by itself.
    """
    stripped = [prompt.rstrip() for prompt, _ in pairs]
    prompts = list(dict.fromkeys(stripped))
    texts = [f"{prompt}{joint(prompt, answer)}{answer}" for prompt, answer in pairs]
    ids = read(tokenizer, prompts + texts)
    by_prompt = dict(zip(prompts, ids, strict=False))
    encoded = []
    for prompt, text, whole in zip(stripped, texts, ids[len(prompts) :], strict=True):
        opening = by_prompt[prompt]
        if whole[: len(opening)] == opening:
            rest = whole[len(opening) :]
        else:
            rest = _alone(tokenizer, opening, text[len(prompt) :], whole)
        encoded.append((opening, rest))
    return encoded


def _alone(
    tokenizer: PreTrainedTokenizerBase, opening: list[int], rest: str, whole: list[int]
) -> list[int]:
    """Tokenize the text's `rest` by itself, so that behind the prompt's tokens it still says the text.

    Some tokenizers put a space before any text, as a token of its own or in the first: here it is one too
    many. `opening` are the prompt's tokens, `whole` those of both together.
    """
    behind, bare, line, broken = plain(tokenizer, [rest, rest.lstrip(), BREAK, BREAK + rest])
    text = tokenizer.decode(whole)
    ways = (behind, bare, behind[1:], broken[len(line) :])
    return next((way for way in ways if tokenizer.decode(opening + way) == text), behind)
