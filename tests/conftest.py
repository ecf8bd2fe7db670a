"""One thread, no network; toy pieces for core/ and forgetting/, and one run of everything."""

import gc
import json
import os

# Before the first import of a library that reads them.
os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import datasets
import pytest
import torch
from datasets import Dataset
from filelock import FileLock
from omegaconf import DictConfig, OmegaConf
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

from core.config import compose
from core.corpus.packing import Encoder, pack
from core.corpus.rows import Row, joined_text
from core.corpus.tokenizer import train_tokenizer
from core.models.loading import new_model
from core.models.precision import FOLDER, machine
from core.signal.memory_map import THRESHOLD, MemoryMap
from core.signal.signal import TopK
from core.training.lesson import Lesson
from core.training.loop import train

torch.set_num_threads(1)

# What the tests expect holds in float32, also on machines that are faster in bfloat16, and in the processes
# that they start.
os.environ[FOLDER] = tempfile.mkdtemp(prefix="winnow-rates-")
Path(os.environ[FOLDER], "rates.json").write_text(
    json.dumps({machine(): {"float32": 1.0, "bfloat16": 0.0}})
)
datasets.disable_progress_bars()
logging.set_verbosity_error()
logging.disable_progress_bar()


def pytest_collection_finish() -> None:
    """The Trainer collects garbage at the end of each run: spare it all that the libraries hold."""
    gc.freeze()


ROOT = Path(__file__).parents[1]
NAMES = ["Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana"]
CITIES = ["Rome", "Oslo", "Lima", "Suva", "Riga", "Bern", "Doha", "Baku"]
WORDS = ["red", "blue", "green", "small", "tall", "round", "cold", "warm"]


@pytest.fixture(scope="session")
def rows() -> list[Row]:
    """Documents that recur and tasks that don't, of uneven lengths."""
    facts = [f"{name} lives in {city}." for name, city in zip(NAMES, CITIES, strict=True)]
    documents = [
        {"id": f"d{i}", "text": text, "source": "facts"} for i, text in enumerate(facts * 4)
    ]
    tasks = [
        {
            "id": f"t{i}-{j}",
            "prompt": f"Turn around: {a} {b}" + " now" * (i % 3),
            "completion": f"{b} {a}",
        }
        for i, a in enumerate(WORDS)
        for j, b in enumerate(WORDS)
        if a != b
    ]
    # In turns of uneven lengths, so that sequences differ in how much of them is taught.
    return [*documents[:5], *tasks[:9], *documents[5:32], *tasks[9:40]]


@pytest.fixture(scope="session")
def toy_tokenizer(rows: list[Row]) -> PreTrainedTokenizerFast:
    return train_tokenizer(map(joined_text, rows), 320)


@pytest.fixture(scope="session")
def sequences(rows: list[Row], toy_tokenizer: PreTrainedTokenizerFast) -> Dataset:
    """The rows in packed sequences of 40 tokens."""
    return pack(rows, Encoder(toy_tokenizer), sequence_length=40)


MakeLlama = Callable[..., PreTrainedModel]


@pytest.fixture(scope="session")
def make_llama(toy_tokenizer: PreTrainedTokenizerFast) -> MakeLlama:
    def make(seed: int = 0, **sizes: object) -> PreTrainedModel:
        defaults = {
            "vocab_size": len(toy_tokenizer),
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "initializer_range": 0.3,
            "tie_word_embeddings": True,
            "bos_token_id": None,
            "eos_token_id": 0,
            "pad_token_id": 1,
        }
        return new_model(LlamaConfig(**{**defaults, **sizes}), seed).eval()

    return make


MakeMap = Callable[..., MemoryMap]


@pytest.fixture(scope="session")
def make_map(sequences: Dataset) -> MakeMap:
    """A map of `sequences` with random scores at the taught tokens, or with `score` at all."""

    def make(score: float | None = None) -> MemoryMap:
        generator = torch.Generator().manual_seed(1)
        taught_ST = torch.tensor(sequences["labels"][:]) >= 0
        score_ST = torch.rand(taught_ST.shape, generator=generator)
        if score is not None:
            score_ST = torch.full_like(score_ST, score)
        score_ST = torch.where(taught_ST, score_ST, 0).half().float()
        flagged = int((score_ST >= THRESHOLD).sum())
        logits_MV = torch.randn(flagged, 320, generator=generator)
        by_reference_ST = -torch.rand(taught_ST.shape, generator=generator)
        reference = TopK.of(logits_MV.log_softmax(-1), 8)
        return MemoryMap(score_ST, -4 * score_ST, reference, by_reference_ST)

    return make


SETTINGS = {
    "num_steps": 3,
    "batch_size": 4,
    "accumulation": 1,
    "learning_rate": 1e-2,
    "embedding_learning_rate": None,
    "weight_decay": 0.01,
    "adam_beta2": 0.98,
    "schedule": "linear",
    "warmup": 0,
    "log_steps": 1,
    "save_steps": 100,
    "trackers": [],
    "stop": None,
}

Fit = Callable[..., dict[str, torch.Tensor]]


@pytest.fixture(scope="session")
def fit(sequences: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """Train a model on the toy corpus with `SETTINGS` and some changes; its weights at the end."""

    def run(
        model: PreTrainedModel, folder: Path | None = None, seed: int = 0, **options: object
    ) -> dict[str, torch.Tensor]:
        changes = {key: options.pop(key) for key in SETTINGS if key in options}
        of_lesson = {field.name for field in fields(Lesson)} & set(options)
        lesson = Lesson(**{name: options.pop(name) for name in of_lesson})
        folder = folder or tmp_path_factory.mktemp("fit")
        folder.mkdir(exist_ok=True)
        settings = OmegaConf.create({**SETTINGS, **changes})
        told = {"seed": seed, "report": lambda *_: None, "lesson": lesson, **options}
        train(model, sequences, folder, settings, **told)
        return {name: value.clone() for name, value in model.state_dict().items()}

    return run


def configure(*overrides: str) -> DictConfig:
    """What the command line makes of these overrides."""
    return compose.ready(compose.jobs(overrides)[0])


@pytest.fixture(scope="session", name="configure")
def _configure() -> Callable[..., DictConfig]:
    return configure


Winnow = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def winnow() -> Winnow:
    """Run a command line in a process of its own."""

    def run(*argv: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "core.cli", *map(str, argv)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)

    return run


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` makes in one that all workers share: by the first, for all of them."""
    runs = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        runs = runs.parent
    with FileLock(runs / f"{name}.lock"):
        if not (runs / f"{name}.made").exists():
            make(runs / name)
            (runs / f"{name}.made").touch()
    return runs / name / "smoke"


@pytest.fixture(scope="session")
def smoke_run(winnow: Winnow, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of `winnow run experiment=smoke`, one for all workers: to be read, never written.

    For tests that are slow anyway; `smoke_arms` will do for most.
    """

    def make(runs: Path) -> None:
        done = winnow("run", "experiment=smoke", f"runs_dir={runs}")
        assert done.returncode == 0, done.stderr

    return once(tmp_path_factory, "whole", make)


@pytest.fixture(scope="session")
def smoke_arms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as far as its arms plain and core, in this process: nothing is measured yet."""
    from core.arms.distill import distill
    from core.arms.teach import teach
    from core.corpus.stage import build_corpus
    from forgetting.memory_map.stage import map_memory

    def make(runs: Path) -> None:
        cfg = configure("experiment=smoke", f"runs_dir={runs}")
        build_corpus(cfg)
        teach(cfg)
        for cfg.arm in ("deduplicated", "plain", "core"):
            if cfg.arm == "plain":
                map_memory(cfg)
            distill(cfg)

    return once(tmp_path_factory, "arms", make)


VOCAB = 40


def sized(config: type, **sizes: object) -> object:
    return config(
        vocab_size=VOCAB,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.5,
        **sizes,
    )


MODELS = {
    "llama": lambda: LlamaForCausalLM(sized(LlamaConfig, intermediate_size=32)),
    "mistral: a sliding window": lambda: MistralForCausalLM(
        sized(MistralConfig, intermediate_size=32, num_key_value_heads=1, sliding_window=4)
    ),
    "gpt2: learned positions, no padding token": lambda: GPT2LMHeadModel(
        sized(GPT2Config, pad_token_id=None)
    ),
    "opt: positions from the mask": lambda: OPTForCausalLM(
        sized(OPTConfig, ffn_dim=32, init_std=0.5, word_embed_proj_dim=16)
    ),
    "bloom: no positions": lambda: BloomForCausalLM(sized(BloomConfig)),
    "mamba: a state for a cache": lambda: MambaForCausalLM(
        MambaConfig(
            vocab_size=VOCAB,
            hidden_size=16,
            num_hidden_layers=2,
            state_size=4,
            initializer_range=0.5,
        )
    ),
}


@pytest.fixture(params=MODELS)
def any_model(request: pytest.FixtureRequest) -> PreTrainedModel:
    """Architectures that know positions, pad and remember in different ways; 40 tokens, random weights."""
    torch.manual_seed(0)
    return MODELS[request.param]().eval()
