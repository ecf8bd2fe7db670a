"""A Hugging Face folder: safetensors in a chosen dtype, the tokenizer, the generation configuration."""

import contextlib
import copy
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PretrainedConfig, __version__

from core.export.format import ExportReader
from core.export.prompts import Prompt
from core.export.source import Source
from core.models.continuing import Continuation
from core.models.gate import traits_of
from core.models.tokens import read

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
OURS = ("embedding_std",)  # what training notes in a configuration, and no architecture knows
LOADING = ("is_local", "local_files_only")  # what a tokenizer remembers of how it was loaded


class HuggingFace:
    """What `AutoModelForCausalLM.from_pretrained` loads. `dtype`: float32, bfloat16 or float16."""

    libraries = ("safetensors", "tokenizers")

    def __init__(self, *, dtype: str = "float32"):
        self.dtype = dtype

    def problems(self, source: Source, prompts: list[Prompt]) -> Iterator[str]:
        """A dtype that doesn't exist, or whose range the weights exceed."""
        if self.dtype not in DTYPES:
            yield f"no dtype '{self.dtype}': choose {', '.join(DTYPES)}"
        elif self.dtype == "float16":
            yield from float16_problems(source)

    def size(self, source: Source) -> int:
        """Bytes of the weights."""
        return source.model.num_parameters() * DTYPES[self.dtype].itemsize

    def write(self, source: Source, prompts: list[Prompt], folder: Path) -> None:
        """Write weights, configurations and tokenizer."""
        model: Any = copy.deepcopy(source.model)
        model.to(DTYPES[self.dtype])
        make_stock(model.config)
        model.save_pretrained(folder)
        save_tokenizer(source, folder)

    def readers(self, folder: Path) -> Iterator[ExportReader]:
        """Transformers itself."""
        yield TransformersReader(folder, "*.safetensors", exact=self.dtype == "float32")

    def not_read_by(self) -> list[str]:
        """Nothing: transformers is always there."""
        return []


def make_stock(config: PretrainedConfig) -> None:
    """Take from a configuration what only training needs."""
    for name in OURS:
        if hasattr(config, name):
            delattr(config, name)
    config.use_cache = True


def save_tokenizer(source: Source, folder: Path) -> None:
    """Write the tokenizer without the memory of how it was loaded."""
    tokenizer = copy.deepcopy(source.tokenizer)
    for name in LOADING:
        tokenizer.init_kwargs.pop(name, None)
    tokenizer.save_pretrained(folder)


def float16_problems(source: Source) -> Iterator[str]:
    """Weights beyond float16's range would become infinite."""
    limit = torch.finfo(torch.float16).max
    for name, weight in source.model.named_parameters():
        if weight.abs().max() > limit:
            yield f"{name} exceeds float16's range ({limit:.0f}): choose bfloat16 or float32"
            return


class TransformersReader:
    """Transformers, from a folder or, with `gguf_file`, from a GGUF file in it; computes in float32."""

    def __init__(self, folder: Path, file: str, *, exact: bool, gguf_file: str | None = None):
        self.name, self.file, self.exact = f"transformers {__version__}", file, exact
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        if gguf_file is not None:
            options["gguf_file"] = gguf_file
        with contextlib.redirect_stderr(io.StringIO()):  # a bar for each file that is dequantized
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options)
        self.model = model.eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder, **options)

    def tokenize(self, text: str) -> list[int]:
        """By the export's tokenizer."""
        return read(self.tokenizer, [text])[0]

    @torch.no_grad()
    def logits(self, prompt: list[int], continuation: list[int]) -> torch.Tensor:
        """The prompt in one go, then token by token from the cache, where the model can be read so."""
        whole = self.model(input_ids=torch.tensor([prompt]), use_cache=False)
        parts_TV = [whole.logits[0].float()]
        steps = Continuation(self.model, [prompt], keep=traits_of(self.model).keeps)
        steps.logits()
        for token in continuation:
            steps.append(torch.tensor([[token]]))
            parts_TV.append(steps.logits())
        return torch.cat(parts_TV)
