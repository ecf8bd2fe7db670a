"""One ONNX graph that reads a prompt and goes on from a key-value cache, by `torch.onnx.export(dynamo=True)`.

Inputs and outputs are named as other exporters name them: `input_ids`, `attention_mask`, `position_ids`,
`past_key_values.<layer>.key|value`; `logits`, `present.<layer>.key|value`. Shapes: B batch, T new tokens,
P tokens in the cache, H key-value heads, D head dimension, V vocabulary, L layers.
"""

import copy
import logging
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, DynamicCache, PretrainedConfig, PreTrainedModel

from core.export.format import ExportReader, family_problems, missing_packages
from core.export.hf import make_stock, save_tokenizer
from core.export.prompts import Prompt
from core.export.source import Source
from core.models.tokens import read

OPSET = 20
FILE = "model.onnx"
PACKAGES = ("onnx", "onnxruntime", "onnxscript")


class Onnx:
    """`model.onnx` in float32, with the configuration and the tokenizer beside it."""

    libraries = PACKAGES

    def problems(self, source: Source, prompts: list[Prompt]) -> Iterator[str]:
        """Missing packages, and architectures whose attention takes more than one kind of mask."""
        yield from missing_packages(PACKAGES, "export")
        yield from family_problems(source.model.config)

    def size(self, source: Source) -> int:
        """Bytes of the weights; tied ones are stored once."""
        return source.model.num_parameters() * 4

    def write(self, source: Source, prompts: list[Prompt], folder: Path) -> None:
        """Trace the model and write the graph; weights go into a file of their own when they are large."""
        step = _Step(copy.deepcopy(source.model)).eval()
        config = step.model.config
        make_stock(config)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            program = torch.onnx.export(
                step,
                args=tuple(_example(config)),
                dynamo=True,
                opset_version=OPSET,
                input_names=["input_ids", "attention_mask", "position_ids", *_past(config)],
                output_names=["logits", *_past(config, "present")],
                dynamic_shapes=_dynamic_shapes(config),
                verbose=False,
            )
        assert program is not None
        program.save(str(folder / FILE))
        config.save_pretrained(folder)
        save_tokenizer(source, folder)

    def readers(self, folder: Path) -> Iterator[ExportReader]:
        """onnxruntime."""
        yield OnnxRuntime(folder)

    def not_read_by(self) -> list[str]:
        """Nothing: without onnxruntime nothing is exported."""
        return []


class _Step(torch.nn.Module):
    """One forward pass with the cache as plain tensors, and the attention mask made by plain operations."""

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        self.model = model
        self.model.set_attn_implementation("eager")

    def forward(
        self,
        input_ids_BT: torch.Tensor,
        attention_mask_BS: torch.Tensor,  # S = P + T; 0 at padding
        position_ids_BT: torch.Tensor,
        past: list[torch.Tensor],  # keys and values by turns, (B, H, P, D) each
    ) -> tuple[torch.Tensor, ...]:
        cache = DynamicCache()
        for layer in range(len(past) // 2):
            cache.update(past[2 * layer], past[2 * layer + 1], layer)
        num_new, num_all = input_ids_BT.shape[1], attention_mask_BS.shape[1]
        place_S = torch.arange(num_all)
        place_T = torch.arange(num_new) + (num_all - num_new)
        seen_BTS = (place_S[None, None, :] <= place_T[None, :, None]) & (
            attention_mask_BS[:, None, :] > 0
        )
        lowest = torch.finfo(torch.float32).min
        mask_B1TS = torch.where(seen_BTS, 0.0, lowest)[:, None]
        outputs = self.model(
            input_ids=input_ids_BT,
            attention_mask=mask_B1TS,
            position_ids=position_ids_BT,
            past_key_values=cache,
            use_cache=True,
        )
        layers: list[Any] = cache.layers
        present = [tensor for layer in layers for tensor in (layer.keys, layer.values)]
        return (outputs.logits, *present)


def _past(config: PretrainedConfig, prefix: str = "past_key_values") -> list[str]:
    layers = range(config.num_hidden_layers)
    return [f"{prefix}.{layer}.{part}" for layer in layers for part in ("key", "value")]


def _cache_shape(config: PretrainedConfig, batch: int, length: int) -> tuple[int, int, int, int]:
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return batch, config.num_key_value_heads, length, head_dim


def _example(config: PretrainedConfig) -> list[Any]:
    """Inputs of sizes that no two dimensions share, and none is 1, which tracing would take for fixed."""
    batch, new, past = 2, 3, 5
    return [
        torch.zeros(batch, new, dtype=torch.long),
        torch.ones(batch, past + new, dtype=torch.long),
        torch.arange(past, past + new).expand(batch, new).clone(),
        [torch.zeros(_cache_shape(config, batch, past)) for _ in _past(config)],
    ]


def _dynamic_shapes(config: PretrainedConfig) -> tuple[Any, ...]:
    batch, new = torch.export.Dim("batch"), torch.export.Dim("sequence")
    auto = torch.export.Dim.AUTO
    ids = {0: batch, 1: new}
    past = [{0: batch, 2: auto} for _ in _past(config)]
    return ids, {0: batch, 1: auto}, dict(ids), past


class OnnxRuntime:
    """The graph in onnxruntime, on the CPU: the prompt with an empty cache, then token by token."""

    exact = True

    def __init__(self, folder: Path):
        import onnxruntime

        self.name, self.file = f"onnxruntime {version('onnxruntime')}", FILE
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.session = onnxruntime.InferenceSession(
            str(folder / FILE), options, providers=["CPUExecutionProvider"]
        )
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)

    def tokenize(self, text: str) -> list[int]:
        """By the tokenizer beside the graph."""
        return read(self.tokenizer, [text])[0]

    def logits(self, prompt: list[int], continuation: list[int]) -> torch.Tensor:
        """Prefill, then decoding with the cache."""
        past = {
            one.name: np.zeros([1, one.shape[1], 0, one.shape[3]], np.float32)
            for one in self.session.get_inputs()
            if one.name.startswith("past_key_values")
        }
        parts_TV = []
        for new in [prompt, *([token] for token in continuation)]:
            length = next(iter(past.values())).shape[2]
            given = {
                "input_ids": np.array([new]),
                "attention_mask": np.ones([1, length + len(new)], np.int64),
                "position_ids": np.arange(length, length + len(new))[None],
            }
            logits_BTV, *present = self.session.run(None, {**given, **past})
            past = dict(zip(past, present, strict=True))
            parts_TV.append(torch.from_numpy(logits_BTV[0]))
        return torch.cat(parts_TV)
