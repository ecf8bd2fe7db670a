"""Load an arm from its folder and put the probes to it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from core.errors import UserError
from evals.probes.probe import Probe
from evals.recall.answers import answer_probes
from evals.scores import Score, summarize


def evaluate_model(
    arm: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    tokens_per_batch: int = 8192,
) -> tuple[list[Score], list[dict[str, Any]]]:
    """Scores of the arm, and one sample a probe: what was asked, what is right, what it said."""
    answers = answer_probes(model, tokenizer, probes, tokens_per_batch=tokens_per_batch)
    samples = [
        {
            "id": probe.id,
            "axis": probe.axis,
            "family": probe.family,
            "prompt": probe.prompt,
            "answer": probe.answers[0],
            "predicted": answer.predicted,
            "correct": answer.correct,
            "logprob": answer.logprob,
            "rank": answer.rank,
        }
        for probe, answer in zip(probes, answers, strict=True)
    ]
    return summarize(arm, probes, answers), samples


def load_model(folder: str | Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model in float32, on the GPU if there is one, and its tokenizer.

    `folder` is a Hugging Face folder or the name of a model on the hub; safetensors only, and no
    code that comes with a model is run. Raises `UserError` when either can't be loaded whole.
    """
    local = Path(folder).is_dir()
    if not local and not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", str(folder)):
        raise UserError(f"no model folder at {folder}; check the path")
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=local,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # told below, in one line
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(_cannot_load("a model", folder, error)) from error
    model, info = loaded
    wrong = sorted({*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])})
    if wrong:
        raise UserError(
            f"{folder}: {len(wrong)} weights are missing or of another shape than config.json says,"
            f" such as {wrong[0]}; make the folder again"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=local
        )
    except Exception as error:  # tokenizers raises bare Exception on a corrupt tokenizer.json
        raise UserError(_cannot_load("a tokenizer", folder, error)) from error
    num_rows = model.get_input_embeddings().num_embeddings
    if not 0 < len(tokenizer) <= num_rows:
        raise UserError(
            f"{folder}: the tokenizer has {len(tokenizer)} tokens and the model's embedding"
            f" {num_rows}; put the tokenizer that the model was trained with beside it"
        )
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), tokenizer


def _cannot_load(what: str, folder: str | Path, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".: ")
    return f"can't load {what} from {folder}: {reason}; check that the folder is complete"
