"""Answer one prompt as the value of an arm leads."""

from collections.abc import Callable

import torch
from omegaconf import DictConfig
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.judgement.decode import Guided, by_value
from core.judgement.solutions import Writer
from core.judgement.stage import core_of, value_of
from core.models.tokens import read
from core.runs.artifacts import plain, run_folder


def led_by_value(
    cfg: DictConfig, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> Callable[[str], str]:
    """A function from prompt to answer. Draws are seeded by the run, so the same prompt is answered alike.

    Raises UserError where the arm has no value, or one of another core.
    """
    name, _, core = core_of(cfg)
    value = value_of(run_folder(cfg), name, model, core)
    writer = Writer(model, tokenizer, most=cfg.value.max_tokens)
    options = plain(cfg.decode)
    options.pop("kind")
    guided = Guided(**options)

    def answer(prompt: str) -> str:
        generator = torch.Generator().manual_seed(cfg.seed)
        (reply,) = by_value(writer, value, read(tokenizer, [prompt]), guided, generator)
        return writer.check.text(reply.written)

    return answer
