"""Load and save Hugging Face folders: safetensors only, nothing of the checkpoint is run as code."""

import re
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from core.artifacts import hash_file
from core.errors import UserError
from core.initialization import initialize

HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
# What makes a model, at the top of its folder.
MODEL_FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]


def load_model(folder: str | Path, *, hub: bool = False) -> PreTrainedModel:
    """A causal language model in float32, from a Hugging Face folder.

    With `hub`, the name of a model on the hub will do too. Raises UserError when there is none, or when a
    weight is missing or of another shape: transformers would leave it random.
    """
    return load_checkpoint(folder, hub=hub)[0]


def load_checkpoint(folder: str | Path, *, hub: bool = False) -> tuple[PreTrainedModel, list[str]]:
    """The model, as `load_model` gives it, and the names of stored weights that it has no place for."""
    local = _is_local(folder, hub)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=local,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # told below, in one line
        )
    except (OSError, ValueError, SafetensorError, RuntimeError) as error:
        raise UserError(_cannot_load("a model", folder, error)) from error
    model, info = loaded
    wrong = sorted({*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])})
    if wrong:
        raise UserError(
            f"{folder}: {len(wrong)} weights are missing or of another shape than config.json says,"
            f" such as {wrong[0]}; make the folder again"
        )
    return model, sorted(info["unexpected_keys"])


def load_tokenizer(folder: str | Path, *, hub: bool = False) -> PreTrainedTokenizerBase:
    """The tokenizer beside a model; raises UserError when there is none."""
    local = _is_local(folder, hub)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=local
        )
    except Exception as error:  # tokenizers raises bare Exception on a corrupt tokenizer.json
        raise UserError(_cannot_load("a tokenizer", folder, error)) from error
    # Of a well-known architecture without its files transformers makes an empty one.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise UserError(f"can't load a tokenizer from {folder}: its files are missing or empty")
    return tokenizer


def _is_local(folder: str | Path, hub: bool) -> bool:
    """Whether it is a folder; raises UserError when it is neither that nor a name to look up."""
    local = Path(folder).is_dir()
    if not local and not (hub and HUB_NAME.fullmatch(str(folder))):
        raise UserError(f"no model folder at {folder}; check the path")
    return local


def _cannot_load(what: str, folder: str | Path, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".: ")
    return f"can't load {what} from {folder}: {reason}; check that the folder is complete"


def new_model(config: PretrainedConfig, seed: int) -> PreTrainedModel:
    """A freshly initialized causal language model in float32, the same for the same seed.

    One with `embedding_std` starts from weights that learn quickly to match tokens in context.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        spread = getattr(config, "embedding_std", None)
        if spread is not None:
            initialize(model, spread)
    return model


def save_model(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """A folder that `AutoModelForCausalLM.from_pretrained` loads with nothing of ours installed."""
    model.config.use_cache = True
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def check_vocabulary(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, who: str) -> None:
    """Raise UserError when the tokenizer is empty or knows tokens that the model has no row for."""
    rows = model.get_input_embeddings().weight.shape[0]  # type: ignore[index, union-attr]
    if not 0 < len(tokenizer) <= rows:
        raise UserError(
            f"{who} has {rows} embedding rows but the tokenizer has {len(tokenizer)} tokens: "
            "they don't belong together"
        )


def find_model(name: str) -> Path:
    """The folder of any model: `name` itself, or that of a model on the hub, fetched if need be.

    Raises `UserError` when it is neither, or can't be fetched.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    if not HUB_NAME.fullmatch(name):
        raise UserError(f"model={name}: no such folder, and no name of a model on the hub")
    try:
        # With a slash in it a file lies deeper: other formats of the same weights.
        return Path(snapshot_download(name, allow_patterns=MODEL_FILES, ignore_patterns=["*/*"]))
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".: ")
        raise UserError(
            f"model={name}: no such folder, and it can't be had from the hub ({reason})"
        ) from error


def fingerprint_model(folder: Path) -> str:
    """The checksum of all files that make the model in that folder."""
    files = sorted({path for pattern in MODEL_FILES for path in folder.glob(pattern)})
    return " ".join(f"{path.name}:{hash_file(path)}" for path in files)
