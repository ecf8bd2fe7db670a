"""The axis `lookup`: what is answered with a store, and once the store has forgotten."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.store.reader import Reader
from core.store.write import StoredDocument, write_store
from evals.lookup import FORGOTTEN, LOOKUP, look_up
from evals.report.lookup import lookup_table
from evals.scores import find

UNKNOWN = "My aunt"  # a prompt that the model has no right answer to


@pytest.fixture
def probes(memories):
    return [replace(probe, fact=probe.id) for probe in memories]


@pytest.fixture
def store(probes, tmp_path: Path) -> Path:
    """Each fact in two documents."""
    documents = [
        StoredDocument(f"{probe.id}-{n}", f"{said}{probe.prompt} {probe.answers[0]}.", None, [])
        for probe in probes
        for n, said in enumerate(["", "They say that "])
        if probe.axis == "recall"
    ]
    write_store(tmp_path / "store.sqlite", documents, {}, 1)
    return tmp_path / "store.sqlite"


@pytest.fixture
def make_reader(learned, tokenizer):
    """It answers when the passages tell the fact asked for, and only then."""

    def write(passages, question: str) -> str:
        return question if any(question in passage for passage in passages) else UNKNOWN

    def make(store) -> Reader:
        return Reader(learned, tokenizer, store, write, num_passages=3, max_new_tokens=8)

    return make


def test_recall_with_the_store_and_without_half_of_it(make_reader, store, probes) -> None:
    told = {p.id: [f"{p.id}-0", f"{p.id}-1", "not in the store"] for p in probes}
    before = store.read_bytes()
    scores = look_up("core", make_reader, store, probes, told)
    assert store.read_bytes() == before and len(list(store.parent.iterdir())) == 1
    whole, forgotten = find(scores, "core", LOOKUP), find(scores, "core", FORGOTTEN)
    recall = [p for p in probes if p.axis == "recall"]
    assert whole.n == len(recall) and whole.value > 0.9 and whole.higher_is_better
    assert forgotten.n == sum(p.half == "b" for p in recall)
    assert forgotten.value < 0.3 and not forgotten.higher_is_better
    assert find(scores, "core", LOOKUP, family="city").value == whole.value
    assert whole.chance == pytest.approx(sum(p.chance for p in recall) / len(recall))

    table = lookup_table(scores)
    assert f"| core | – | {100 * whole.value:.1f} ± " in table
    assert "| *chance* | – |" in table


@pytest.mark.parametrize("told", [None, {}, {"p0": ["elsewhere"]}])
def test_where_the_documents_of_a_fact_are_not_known_nothing_is_forgotten(
    told, make_reader, store, probes
) -> None:
    scores = look_up("core", make_reader, store, probes[:2], told)
    assert {score.axis for score in scores} == {LOOKUP}


def test_without_recall_probes_there_is_nothing_to_say(make_reader, store, probes) -> None:
    verbatim = [probe for probe in probes if probe.axis == "verbatim"]
    assert look_up("core", make_reader, store, verbatim, {}) == []
