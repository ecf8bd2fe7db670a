"""GGUF files of Llama- and Qwen-family models, with their tokenizer, as llama.cpp reads them.

Format: ggml's docs/gguf.md; names of tensors and fields from the package `gguf`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import PretrainedConfig

from core.errors import nearest
from core.export.format import ExportReader, family_problems, missing_packages
from core.export.gguf_tokenizer import starts_with_bos, tokenizer_problems, vocabulary
from core.export.hf import TransformersReader, float16_problems
from core.export.llama_cpp import LlamaCpp
from core.export.prompts import Prompt
from core.export.source import Source
from core.models.tokens import ends_of

if TYPE_CHECKING:  # in the extra `export`
    import gguf

# Bytes a weight.
TYPES = {"F32": 4.0, "F16": 2.0, "Q8_0": 34 / 32, "Q4_0": 18 / 32}
BLOCK = 32  # weights that share a scale, along a row
QWEN3_HEAD_DIM = (
    128  # of all published Qwen3 models; transformers' reader doesn't read it off the file
)
EMBEDDINGS = ("token_embd.weight", "output.weight")


class Gguf:
    """One file for each of `types`: F32, F16, Q8_0, Q4_0, called `<arm>-<type>.gguf`."""

    libraries = ("gguf", "llama-cpp-python")

    def __init__(self, *, types: Sequence[str] = tuple(TYPES)):
        self.types = list(types)

    def problems(self, source: Source, prompts: list[Prompt]) -> Iterator[str]:
        """A missing package, another architecture or tokenizer, and rows that don't fill blocks."""
        yield from missing_packages(("gguf",), "export")
        unknown = [name for name in self.types if name not in TYPES]
        for name in unknown:
            yield f"no type '{name}'{nearest(name, TYPES)}; choose {', '.join(TYPES)}"
        if not self.types:
            yield f"no types: choose some of {', '.join(TYPES)}"
        config = source.model.config
        yield from family_problems(config)
        yield from _layer_problems(config)
        yield from tokenizer_problems(source.tokenizer, [prompt.text for prompt in prompts])
        blocks = [name for name in self.types if name.startswith("Q")]
        width = getattr(config, "hidden_size", BLOCK)
        if blocks and width % BLOCK:
            yield (
                f"{', '.join(blocks)} need rows of whole blocks of {BLOCK} weights, and hidden_size is"
                f" {width}: choose F16 or F32"
            )
        if "F16" in self.types:
            yield from float16_problems(source)

    def size(self, source: Source) -> int:
        """Bytes of all files."""
        return int(source.model.num_parameters() * sum(TYPES.get(name, 0) for name in self.types))

    def write(self, source: Source, prompts: list[Prompt], folder: Path) -> None:
        """Write one file a type."""
        for name in self.types:
            write_gguf(folder / file_name(source.name, name), source, prompts, name)

    def readers(self, folder: Path) -> Iterator[ExportReader]:
        """For each file transformers' own reader, and llama.cpp where it is installed."""
        for path in sorted(folder.glob("*.gguf")):
            yield from gguf_readers(path)

    def not_read_by(self) -> list[str]:
        """llama.cpp, where it isn't installed."""
        return [f"llama.cpp (which {line})" for line in missing_packages(("llama_cpp",), "llama")]


def file_name(name: str, weight_type: str) -> str:
    """The usual name of a GGUF file."""
    return f"{name}-{weight_type}.gguf"


def gguf_readers(path: Path) -> Iterator[ExportReader]:
    """Whatever is installed that reads the file."""
    exact = path.stem.endswith("F32")
    yield TransformersReader(path.parent, path.name, exact=exact, gguf_file=path.name)
    if not list(missing_packages(("llama_cpp",), "llama")):
        yield LlamaCpp(path, exact=exact)


def _layer_problems(config: PretrainedConfig) -> Iterator[str]:
    """What GGUF has no field for, or one of the readers doesn't read."""
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type", "default") != "default":
        yield f"rope_type={rope['rope_type']} isn't supported: choose format=[hf]"
    if getattr(config, "hidden_act", "silu") != "silu":
        yield f"hidden_act={config.hidden_act} isn't silu: choose format=[hf]"
    if config.model_type == "qwen3" and config.head_dim != QWEN3_HEAD_DIM:
        yield (
            f"head_dim={config.head_dim}: transformers takes any qwen3 file's for {QWEN3_HEAD_DIM}:"
            " choose format=[hf]"
        )
    for name in ("attention_bias", "mlp_bias"):
        if getattr(config, name, False):
            yield f"{name}=true isn't read by all readers: choose format=[hf]"


def write_gguf(path: Path, source: Source, prompts: Sequence[Prompt], weight_type: str) -> None:
    """Write one file; matrices in `weight_type`, norms and biases in F32."""
    import gguf

    model, config = source.model, source.model.config
    writer = gguf.GGUFWriter(path, arch=config.model_type)
    _add_hyperparameters(writer, config, source.name, weight_type)
    _add_tokenizer(writer, source, prompts)
    names = gguf.get_tensor_name_map(
        gguf.MODEL_ARCH[config.model_type.upper()], config.num_hidden_layers
    )
    tied = bool(config.tie_word_embeddings)
    for name, weight in model.state_dict().items():
        if tied and name == "lm_head.weight":
            continue  # readers take the embeddings where there is no output matrix
        to = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert to is not None, f"no GGUF name for {name}"
        array = _arranged(name, weight, config).contiguous().numpy()
        own_type = gguf.GGMLQuantizationType[_type_of(to, array, weight_type)]
        if own_type is gguf.GGMLQuantizationType.F32:
            writer.add_tensor(to, array)
        else:
            writer.add_tensor(to, gguf.quantize(array, own_type), raw_dtype=own_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _type_of(name: str, array: np.ndarray, weight_type: str) -> str:
    """A tensor's own type: vectors stay exact, and embeddings aren't cut below 8 bits, which costs most."""
    if array.ndim == 1:
        return "F32"
    if weight_type.startswith("Q") and array.shape[-1] % BLOCK:
        return "F16"
    return "Q8_0" if weight_type == "Q4_0" and name in EMBEDDINGS else weight_type


def _arranged(name: str, weight: torch.Tensor, config: PretrainedConfig) -> torch.Tensor:
    """The weight as the architecture's code in llama.cpp wants it.

    Its Llama rotates neighbouring pairs of a head's dimensions, where transformers rotates the first half
    against the second; so the rows of q and k are interleaved. Its Qwen rotates as transformers does.
    """
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    projection = name.split(".")[-2]
    if config.model_type != "llama" or projection not in heads:
        return weight
    halves = weight.reshape(heads[projection], 2, -1, *weight.shape[1:])
    return halves.transpose(1, 2).reshape(weight.shape)


def _add_hyperparameters(
    writer: "gguf.GGUFWriter", config: PretrainedConfig, name: str, weight_type: str
) -> None:
    import gguf

    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    fields: dict[str, Any] = {
        "name": name,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "block_count": config.num_hidden_layers,
        "feed_forward_length": config.intermediate_size,
        "head_count": config.num_attention_heads,
        "head_count_kv": config.num_key_value_heads,
        "layer_norm_rms_eps": config.rms_norm_eps,
        "rope_freq_base": config.rope_parameters["rope_theta"],
        "rope_dimension_count": head_dim,
        "key_length": head_dim,
        "value_length": head_dim,
        "vocab_size": config.vocab_size,
    }
    for field, value in fields.items():
        getattr(writer, f"add_{field}")(value)
    kind = "ALL_F32" if weight_type == "F32" else f"MOSTLY_{weight_type}"
    writer.add_file_type(gguf.LlamaFileType[kind])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _add_tokenizer(writer: "gguf.GGUFWriter", source: Source, prompts: Sequence[Prompt]) -> None:
    tokenizer = source.tokenizer
    found = vocabulary(
        tokenizer, source.model.config.vocab_size, [prompt.text for prompt in prompts]
    )
    writer.add_tokenizer_model("gpt2")  # what byte-level BPE is called there
    writer.add_tokenizer_pre(found.pre)
    writer.add_token_list(found.tokens)
    writer.add_token_types(found.types)
    writer.add_token_merges(found.merges)
    eos = tokenizer.eos_token_id
    # Where a file names none, llama.cpp assumes GPT-2's ids, which are other tokens here.
    bos = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else eos
    for kind, index in {"bos": bos, "eos": eos, "pad": tokenizer.pad_token_id}.items():
        if index is not None and index < len(found.tokens):
            getattr(writer, f"add_{kind}_token_id")(index)
    ends = ends_of(source.model, tokenizer) - {eos}
    others = sorted(index for index in ends if index < len(found.tokens))
    for add, index in zip((writer.add_eot_token_id, writer.add_eom_token_id), others, strict=False):
        add(index)
    writer.add_add_bos_token(starts_with_bos(tokenizer))
    templates = tokenizer.chat_template
    if isinstance(templates, dict):
        named = [{"name": name, "template": text} for name, text in templates.items()]
        writer.add_chat_template(named)
    elif templates:
        writer.add_chat_template(templates)
