"""llama.cpp as a reader of GGUF files, by llama-cpp-python."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

GGML_F32 = 0  # of ggml's types: the cache in float32, or rounding it would hide what the file does


class LlamaCpp:
    """One GGUF file in llama.cpp, on the CPU."""

    def __init__(self, path: Path, *, exact: bool):
        from llama_cpp import Llama

        self.name, self.file, self.exact = (
            f"llama-cpp-python {version('llama-cpp-python')}",
            path.name,
            exact,
        )
        self.model = Llama(
            str(path),
            n_ctx=0,  # what the file says
            logits_all=True,
            n_threads=torch.get_num_threads(),
            n_threads_batch=torch.get_num_threads(),
            n_gpu_layers=0,
            type_k=GGML_F32,
            type_v=GGML_F32,
            verbose=False,
        )

    def tokenize(self, text: str) -> list[int]:
        """By the file's tokenizer."""
        tokens: list[int] = self.model.tokenize(text.encode(), add_bos=True, special=False)
        return tokens

    def logits(self, prompt: list[int], continuation: list[int]) -> torch.Tensor:
        """The prompt in one go, then token by token from the cache."""
        self.model.reset()
        self.model.eval(prompt)
        for token in continuation:
            self.model.eval([token])
        logits_TV = self.model.scores[: self.model.n_tokens]
        return torch.from_numpy(np.array(logits_TV, dtype=np.float32))
