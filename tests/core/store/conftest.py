"""A store of a few documents, and a toy model to ask."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.store.reader import Reader
from core.store.store import Store
from core.store.write import FILE, StoredDocument, write_store

CAPITALS = {"Mongolia": "Ulaanbaatar", "Ghana": "Accra", "Peru": "Lima", "Fiji": "Suva"}
DOCUMENTS = [
    StoredDocument(
        f"{country}-{n}", f"The capital of {country} is {city}. It is a city.", "facts", [(0, 3)]
    )
    for country, city in CAPITALS.items()
    for n in range(2)
]
KEY = {"inputs": {"corpus": "c0", "memory_map": "m0"}}

MakeStore = Callable[..., Path]


@pytest.fixture
def make_store(tmp_path: Path) -> MakeStore:
    """Write a store of some documents, by default the capitals."""

    def make(documents: list[StoredDocument] = DOCUMENTS, sentences: int = 1) -> Path:
        write_store(tmp_path / FILE, documents, KEY, sentences)
        return tmp_path / FILE

    return make


@pytest.fixture
def store(make_store: MakeStore):
    with Store(make_store()) as opened:
        yield opened


@pytest.fixture
def make_reader(make_llama, toy_tokenizer) -> Callable[..., Reader]:
    """A toy model that reads a store: passages, then the question, on lines of their own."""

    def make(
        store: Store | None, *, num_passages: int = 2, max_new_tokens: int = 4, **sizes
    ) -> Reader:
        def write(passages, question: str) -> str:
            return "\n".join([*passages, question])

        counts = {"num_passages": num_passages, "max_new_tokens": max_new_tokens}
        return Reader(make_llama(**sizes), toy_tokenizer, store, write, **counts)

    return make
