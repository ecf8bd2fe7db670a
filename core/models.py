"""Load and save Hugging Face folders: safetensors only, nothing of the checkpoint is run as code."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from core.errors import UserError


def load_model(folder: Path) -> PreTrainedModel:
    """A causal language model in float32; raises UserError when the folder holds none that is whole."""
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} isn't a model folder: it has no config.json")
    try:
        return AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, SafetensorError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(f"{folder} can't be loaded as a model: {first}") from error


def new_model(config: PretrainedConfig, seed: int) -> PreTrainedModel:
    """A freshly initialized causal language model in float32, the same for the same seed.

    A configuration with `embedding_std` has its token embeddings drawn with that standard deviation.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        spread = getattr(config, "embedding_std", None)
        if spread is not None:
            torch.nn.init.normal_(model.get_input_embeddings().weight, std=spread)
    return model


def save_model(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """A folder that `AutoModelForCausalLM.from_pretrained` loads with nothing of ours installed."""
    model.config.use_cache = True
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def check_vocabulary(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, who: str) -> None:
    """Raise UserError when the tokenizer knows tokens that the model has no row for."""
    rows = model.get_input_embeddings().weight.shape[0]  # type: ignore[index, union-attr]
    if len(tokenizer) > rows:
        raise UserError(
            f"{who} has {rows} embedding rows but the tokenizer has {len(tokenizer)} tokens: "
            "they don't belong together"
        )
