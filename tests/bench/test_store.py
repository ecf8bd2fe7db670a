"""How long an answer takes with a large store."""

import time
from pathlib import Path
from random import Random
from statistics import median, quantiles

from core.corpus.tokenizer import train_tokenizer
from core.store.reader import Reader
from core.store.store import Store
from core.store.write import StoredDocument, write_store
from core.worlds import reading, words
from core.worlds.relations import relations_of

NUM_PASSAGES, NUM_ASKED = 100_000, 200


def test_asking_with_a_large_store(record, make_demo_llama, tmp_path: Path):
    """Sentences of the embedded world's form, about 25,000 people; a model of the demo's size.

    The target is 200 ms, from question to answer, with model and store open. The model is untrained: it
    says all four tokens, as many as a value and a full stop take.
    """
    rng, relations = Random(0), relations_of("person")
    given = words.invent(rng, 160, num_syllables=2, endings=("a", "o", "i"), taken=set())
    family = words.invent(rng, 160, num_syllables=2, endings=("elk", "orn"), taken=set())
    names = [f"{first} {last}".title() for first in given for last in family]
    told = [
        rng.choice(relation.statements[:-1]).format(name=name, value=rng.choice(words.CITIES))
        for name in names
        for relation in relations
    ][:NUM_PASSAGES]
    documents = (StoredDocument(str(n), text, "facts", []) for n, text in enumerate(told))
    write_store(tmp_path / "store.sqlite", documents, {}, 1)
    asked = [
        rng.choice(relations).cue.format(name=name)
        for name in rng.sample(names[:25_000], NUM_ASKED)
    ]

    tokenizer = train_tokenizer(told[:20_000], 2200)
    model = make_demo_llama(len(tokenizer))
    with Store(tmp_path / "store.sqlite") as store:
        assert store.num_passages == NUM_PASSAGES
        reader = Reader(model, tokenizer, store, reading.prompt, num_passages=3, max_new_tokens=4)
        reader.ask(asked[0])
        taken = []
        for question in asked:
            began = time.perf_counter()
            reply = reader.ask(question)
            taken.append(1000 * (time.perf_counter() - began))
            assert len(reply.passages) == 3
    record("ask_latency_median_ms", median(taken), "ms", n=NUM_ASKED)
    record("ask_latency_p99_ms", quantiles(taken, n=100)[-1], "ms", n=NUM_ASKED)
