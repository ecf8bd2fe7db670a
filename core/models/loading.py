"""Load and save Hugging Face folders: safetensors only, nothing of the checkpoint is run as code.

A teacher that is used where it lies has a folder in the run with nothing but `SOURCE`, which names that
place. Loading from such a folder loads from there.
"""

import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.utils import is_gguf_available

from core.errors import UserError
from core.models.initialization import initialize
from core.models.tokens import opening_of
from core.models.whole import check_causal, check_files
from core.runs.artifacts import read_json

LOADING_ERRORS = (OSError, ValueError, LookupError, ImportError, RuntimeError, SafetensorError)
# What marks a model of transformers, or its configuration, as quantized.
QUANTIZED = ("is_quantized", "_is_quantized", "quantization_method", "quantization_config")
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
SOURCE = "source.json"


def load_model(
    folder: str | Path, *, hub: bool = False, gguf_file: str | None = None
) -> PreTrainedModel:
    """A causal language model in float32, from a Hugging Face folder or a GGUF file in a folder.

    With `hub`, the name of a model on the hub will do too. Raises UserError when there is none, or when a
    weight is missing or of another shape: transformers would leave it random.
    """
    return load_checkpoint(folder, hub=hub, gguf_file=gguf_file)[0]


def load_checkpoint(
    folder: str | Path, *, hub: bool = False, gguf_file: str | None = None
) -> tuple[PreTrainedModel, list[str]]:
    """The model, as `load_model` gives it, and the names of stored weights that it has no place for."""
    folder = lies_in(folder)
    local = _is_local(folder, hub)
    if local and gguf_file is None:
        load_config(folder)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=local,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # told below, in one line
            **_from_gguf(gguf_file),
        )
    except LOADING_ERRORS as error:
        raise UserError(_cannot_load("a model", Path(folder, gguf_file or ""), error)) from error
    model, info = loaded
    wrong = sorted({*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])})
    if wrong:
        raise UserError(
            f"{folder}: {len(wrong)} weights are missing or of another shape than config.json says,"
            f" such as {wrong[0]}; make the folder again"
        )
    if gguf_file is not None:
        # Its weights are dequantized; yet transformers still takes them for quantized, and can't save them.
        for holder in (model, model.config):
            for name in (*QUANTIZED, "hf_quantizer"):
                vars(holder).pop(name, None)
    return model, sorted(info["unexpected_keys"])


def load_config(folder: str | Path, *, gguf_file: str | None = None) -> PretrainedConfig:
    """A model's configuration, without its weights; raises UserError when there is none, and where the
    folder holds something else than a whole causal model.
    """
    folder = lies_in(folder)
    if gguf_file is None:
        check_files(Path(folder))
    try:
        config = AutoConfig.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True, **_from_gguf(gguf_file)
        )
    except LOADING_ERRORS as error:
        raise UserError(_cannot_load("a model", Path(folder, gguf_file or ""), error)) from error
    check_causal(config, folder)
    return config


def load_tokenizer(
    folder: str | Path, *, hub: bool = False, gguf_file: str | None = None
) -> PreTrainedTokenizerBase:
    """The tokenizer beside a model; raises UserError when there is none."""
    folder = lies_in(folder)
    local = _is_local(folder, hub)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=local, **_from_gguf(gguf_file)
        )
    except Exception as error:  # tokenizers raises bare Exception on a corrupt tokenizer.json
        raise UserError(
            _cannot_load("a tokenizer", Path(folder, gguf_file or ""), error)
        ) from error
    # Of a well-known architecture without its files transformers makes an empty one.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise UserError(f"can't load a tokenizer from {folder}: its files are missing or empty")
    return tokenizer


def _from_gguf(gguf_file: str | None) -> dict[str, str]:
    """Read a GGUF file. Raises UserError when the package that reads such files is missing."""
    if gguf_file is None:
        return {}
    if not is_gguf_available():
        raise UserError(f"{gguf_file}: reading GGUF takes the package gguf: pip install gguf")
    return {"gguf_file": gguf_file}


def lies_in(folder: str | Path) -> str | Path:
    """Where the model of a folder lies: there, or where its `SOURCE` says."""
    source = Path(folder) / SOURCE
    return read_json(source)["folder"] if source.exists() else folder


def _is_local(folder: str | Path, hub: bool) -> bool:
    """Whether it is a folder; raises UserError when it is neither that nor a name to look up."""
    local = Path(folder).is_dir()
    if not local and not (hub and HUB_NAME.fullmatch(str(folder))):
        raise UserError(f"no model folder at {folder}; check the path")
    return local


def _cannot_load(what: str, folder: str | Path, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".: ")
    return f"can't load {what} from {folder}: {reason}; check that it is whole"


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


def context_of(model: PreTrainedModel) -> int | None:
    """The most tokens that the model reads. None where its configuration names no limit."""
    limit = context_in(model.config)
    # A table of positions that begins with those of padding has fewer rows for a text.
    before = [
        module.padding_idx + 1
        for module in model.modules()
        if isinstance(module, nn.Embedding)
        and module is not model.get_input_embeddings()
        and module.padding_idx is not None
        and module.num_embeddings == limit
    ]
    return limit if limit is None else limit - max(before, default=0)


def context_in(config: PretrainedConfig) -> int | None:
    """The most tokens that a model of this configuration reads. None where it names no limit.

    The frequencies of `longrope` change for all texts of a batch once one of them is longer than those that
    the model was first trained on: it reads no longer ones here.
    """
    inner = config.get_text_config()
    limits = [getattr(inner, name, None) for name in ("max_position_embeddings", "max_seq_len")]
    rope: dict[str, Any] = getattr(inner, "rope_parameters", None) or {}
    by_kind = [own for own in rope.values() if isinstance(own, dict)]
    for own in by_kind or [rope]:
        if own.get("rope_type") == "longrope":
            limits.append(own.get("original_max_position_embeddings"))
    return min((limit for limit in limits if limit is not None and limit > 0), default=None)


def check_vocabulary(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, who: str) -> None:
    """Raise UserError when the tokenizer is empty or makes tokens that the model has no row for."""
    rows = len(model.get_input_embeddings().weight)  # type: ignore[arg-type, union-attr]
    check_ids(tokenizer, rows, f"{who} has {rows} embedding rows")


def check_ids(tokenizer: PreTrainedTokenizerBase, rows: int, said: str) -> None:
    """Raise UserError when a text may have a token without a row in the model; the message begins with
    `said`.

    A special token may lie beyond the rows, such as a `[PAD]` added for training, if no text begins with it:
    texts don't have it.
    """
    special = {n for n, token in tokenizer.added_tokens_decoder.items() if token.special}
    special -= set(opening_of(tokenizer))
    beyond = {n: token for token, n in tokenizer.get_vocab().items() if n >= rows} | {
        n: tokenizer.convert_ids_to_tokens(n) for n in opening_of(tokenizer) if n >= rows
    }
    heard = sorted(beyond.keys() - special)
    if heard or len(tokenizer) == 0:
        such = f", such as '{beyond[heard[-1]]}' with the id {heard[-1]}" if heard else ""
        raise UserError(
            f"{said} but the tokenizer has {len(tokenizer)} tokens{such}: they don't belong together"
        )


def check_same_tokenizer(
    tokenizer: PreTrainedTokenizerBase, corpus: PreTrainedTokenizerBase, who: str
) -> None:
    """Raise UserError when two tokenizers know other tokens, or the same by other numbers."""
    own, known = tokenizer.get_vocab(), corpus.get_vocab()
    if own != known:
        differing = sorted(
            token for token in own.keys() | known if own.get(token) != known.get(token)
        )
        raise UserError(
            f"{who} has another tokenizer than the corpus: {len(differing)} tokens differ, such as "
            f"'{differing[0]}'; give a model that was trained with this one"
        )
