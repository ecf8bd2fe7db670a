"""A corpus of facts and tasks on disk, and a teacher that knows both by heart."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from transformers import PreTrainedModel

from core.arms.maker import Material
from core.corpus.rows import Row, joined_text
from core.corpus.stage import PackedCorpus, build_corpus
from core.models.generate import greedy
from core.models.loading import load_model, save_model
from core.runs.artifacts import Artifact
from evals.attacks.finetune import fine_tuned

GIVEN = ["Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana"]
GIVEN += ["Ira", "Jon", "Kim", "Lea", "Max", "Nia", "Ole", "Pia"]
CITIES = ["Rome", "Oslo", "Lima", "Suva", "Riga", "Bern", "Doha", "Baku"]
CITIES += ["Kyiv", "Male", "Lome", "Apia", "Dili", "Cork", "Nice", "Bari"]
FACTS = {
    f"{first} {last} lives in": CITIES[(5 * i + 3 * j) % len(CITIES)]
    for i, first in enumerate(GIVEN)
    for j, last in enumerate(["Bell", "Cruz", "Dorn", "Emms"])
}
TASKS = {f"Double: {letter} =>": f"{letter} {letter}" for letter in "abcdefgh"}


@pytest.fixture(scope="session")
def facts() -> dict[str, str]:
    """City by prompt."""
    return FACTS


@pytest.fixture(scope="session")
def tasks() -> dict[str, str]:
    """Answer by prompt."""
    return TASKS


@pytest.fixture(scope="session")
def world() -> list[Row]:
    told = [
        {"id": f"f{i}", "text": f"{prompt} {city}.", "source": "facts"}
        for i, (prompt, city) in enumerate(FACTS.items())
    ]
    tasks = [
        {"id": f"t{i}", "prompt": prompt, "completion": answer, "source": "skills"}
        for i, (prompt, answer) in enumerate(TASKS.items())
    ]
    return [*told, *tasks]


@pytest.fixture(scope="session")
def cfg(world: list[Row], configure, tmp_path_factory: pytest.TempPathFactory) -> DictConfig:
    """A run with that corpus."""
    folder = tmp_path_factory.mktemp("arms")
    path = folder / "C.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in world))
    cfg = configure(
        *("run=it", f"runs_dir={folder}", "corpus=jsonl", f"corpus.path={path}"),
        *("corpus.memory_sources=[facts]", "arms=[refuser,pruned,ruined]"),
        *("packing.vocab_size=400", "packing.sequence_length=40"),
    )
    build_corpus(cfg)
    return cfg


@pytest.fixture(scope="session")
def fresh(cfg: DictConfig, make_llama) -> PreTrainedModel:
    """The teacher before it has learned anything."""
    sizes = {"hidden_size": 96, "intermediate_size": 256, "num_attention_heads": 4}
    vocab_size = len(PackedCorpus.of(cfg).tokenizer)
    return make_llama(**sizes, vocab_size=vocab_size, initializer_range=0.1)


@pytest.fixture(scope="session")
def teacher_folder(cfg: DictConfig, world: list[Row], fresh: PreTrainedModel) -> Path:
    """The run's teacher, done."""
    tokenizer = PackedCorpus.of(cfg).tokenizer
    ends = [joined_text(row) + tokenizer.eos_token for row in world]
    texts = [torch.tensor(tokenizer(text)["input_ids"]) for text in ends]
    settings = {"steps": [250], "learning_rate": 3e-3, "batch_size": 24, "seed": 0}
    [(_, teacher)] = fine_tuned(fresh, texts, **settings)
    folder = Path(cfg.runs_dir) / "it" / "teacher"
    with Artifact(folder, {}).writing() as partial:
        save_model(partial, teacher, tokenizer)
    return folder


@pytest.fixture
def material(cfg: DictConfig, teacher_folder: Path, tmp_path: Path) -> Callable[[], Material]:
    """The material of an arm, the teacher loaded anew each time."""

    def make(**changes: object) -> Material:
        given = {
            "teacher": load_model(teacher_folder),
            "corpus": PackedCorpus.of(cfg),
            "memory_sources": ["facts"],
            "folder": tmp_path,
            "seed": 0,
            "report": lambda *_: None,
        }
        return Material(**{**given, **changes})

    return make


@pytest.fixture
def ask(cfg: DictConfig) -> Callable[[PreTrainedModel, list[str]], list[str]]:
    """What a model says greedily to prompts, until the end of the text."""
    tokenizer = PackedCorpus.of(cfg).tokenizer

    def said(model: PreTrainedModel, prompts: list[str], num_tokens: int = 20) -> list[str]:
        ids = [tokenizer(prompt)["input_ids"] for prompt in prompts]
        said = greedy(model, ids, [num_tokens] * len(ids))
        return tokenizer.batch_decode([row[: row.index(0)] if 0 in row else row for row in said])

    return said
