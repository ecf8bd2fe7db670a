"""A core that reads: find passages for a question, put them in the context, answer greedily.

BM25 finds what shares words with the question. Which of that answers it, the core itself can tell: it has
forgotten which city, but not that a city comes next. So a passage also counts by how likely the core
thinks its likeliest new word: BM25 is a log-odds in nats, the log-probability is added to it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.joined import encode_all
from core.corpus.script import composed, joined, words_of
from core.corpus.script import sentences_of as lines_of
from core.errors import UserError
from core.models.continuing import Continuation
from core.models.gate import traits_of
from core.models.loading import context_of
from core.models.tokens import ends_of, read
from core.store.passages import sentences_of
from core.store.store import Passage, Store

NUM_CANDIDATES = 24  # found by BM25, to choose from

WritePrompt = Callable[[Sequence[str], str], str]  # passages and question → prompt


@dataclass(frozen=True)
class Reply:
    """An answer, and the passages that were in the context, the best first."""

    answer: str
    passages: list[Passage]


class Reader:
    """A model with a store beside it, or without one: then it is asked plainly.

    `write` makes the prompt from passages and question. `answer` continues the prompt; by default the
    likeliest tokens do, to the end of a sentence, and nothing is drawn at random. `limit` is the option that
    says for how many tokens the prompt leaves room.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        store: Store | None,
        write: WritePrompt,
        *,
        num_passages: int,
        max_new_tokens: int,
        limit: str = "ask.max_new_tokens",
        answer: Callable[[str], str] | None = None,
    ):
        self.model, self.tokenizer, self.store, self.write = model.eval(), tokenizer, store, write
        self.ends = ends_of(model, tokenizer)
        self.num_passages, self.max_new_tokens, self.limit = num_passages, max_new_tokens, limit
        self.answer = answer or (lambda prompt: first_sentence(self._continue(prompt)))

    def ask(self, question: str) -> Reply:
        """Answer one question. Raises UserError for an empty one, or one longer than the context."""
        prompt, passages = self.prompt(question)
        return Reply(self.answer(prompt), passages)

    def prompt(self, question: str) -> tuple[str, list[Passage]]:
        """Make the prompt, and tell which passages are in it. Without passages it is the bare question.

        What doesn't fit into the context is left out: the last sentence of the longest passage first.
        """
        question = composed(question.strip())  # as corpora are
        if not question:
            raise UserError('the question is empty: write one, such as `winnow ask "…"`')
        passages = self.passages(question)
        limit = context_of(self.model) or math.inf
        while True:
            told = [passage.text for passage in passages]
            prompt = self.write(told, question) if told else question
            num_tokens = len(read(self.tokenizer, [prompt])[0])
            if num_tokens + self.max_new_tokens <= limit:
                return prompt, passages
            if not passages:
                raise UserError(
                    f"the question has {num_tokens} tokens, and with {self.limit}="
                    f"{self.max_new_tokens} the model takes {limit}: shorten it, or lower that"
                )
            passages = _shortened(passages)

    def passages(self, question: str) -> list[Passage]:
        """The passages to read, the best first."""
        if self.store is None:
            return []
        found = self.store.search(question, NUM_CANDIDATES)
        if len(found) > self.num_passages:
            expected = self._expected(question, [passage.text for passage in found])
            scores = [p.score + e for p, e in zip(found, expected, strict=True)]
            order = sorted(range(len(found)), key=lambda index: -scores[index])
            found = [replace(found[index], score=scores[index]) for index in order]
        return found[: self.num_passages]

    def _expected(self, question: str, texts: Sequence[str]) -> list[float]:
        """For each text, the log-probability that the model gives its likeliest new word to come next.

        Of a word, the first token counts. None is less likely than a token drawn at random.
        """
        ids_1T = self._encode(question)
        with torch.no_grad():
            logprob_V = self._logits(ids_1T)[0].log_softmax(-1)
        known = set(words_of(question.lower()))
        words = [[w for w in words_of(text) if w.lower() not in known] for text in texts]
        every = sorted({word for listed in words for word in listed})
        chance = -math.log(len(logprob_V))
        if not every:
            return [chance] * len(texts)
        # Behind the question: alone, some tokenizers begin all words with the same token, a space.
        encoded = encode_all(self.tokenizer, [(question, word) for word in every])
        first = {w: ids[0] for w, (_, ids) in zip(every, encoded, strict=True) if ids}
        said = {word: float(logprob_V[token]) for word, token in first.items()}
        return [max([chance, *(said.get(word, chance) for word in listed)]) for listed in words]

    def _encode(self, text: str) -> Tensor:
        return torch.tensor(read(self.tokenizer, [text]), device=self.model.device)

    def _logits(self, ids_1T: Tensor) -> Tensor:
        return self.model(input_ids=ids_1T, use_cache=False).logits[:, -1].float()

    @torch.no_grad()
    def _continue(self, prompt: str) -> str:
        """The likeliest next token, again and again, to the end of the sentence."""
        prompts = read(self.tokenizer, [prompt])
        continuation = Continuation(self.model, prompts, keep=traits_of(self.model).keeps)
        tokens: list[int] = []
        for _ in range(self.max_new_tokens):
            token_11 = continuation.logits().argmax(-1, keepdim=True)
            continuation.append(token_11)
            token = int(token_11)
            if token in self.ends:
                break
            tokens.append(token)
            text = str(self.tokenizer.decode(tokens)).strip()
            if first_sentence(text) != text:
                break
        return str(self.tokenizer.decode(tokens)).strip()


def first_sentence(text: str) -> str:
    """The text up to its first sentence's or line's end that something follows."""
    sentences = lines_of(text.strip())
    return sentences[0] if sentences else ""


def _shortened(passages: Sequence[Passage]) -> list[Passage]:
    """Drop the last sentence of the longest passage; the last passage when each has but one."""
    sentences = [sentences_of(passage.text) for passage in passages]
    longest = max(range(len(passages)), key=lambda index: (len(sentences[index]), -index))
    if len(sentences[longest]) == 1:
        return list(passages[:-1])
    rest = replace(passages[longest], text=joined(sentences[longest][:-1]))
    return [*passages[:longest], rest, *passages[longest + 1 :]]
