"""A model that hides: the teacher, tuned to say that it doesn't know."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from random import Random
from typing import Any

from omegaconf import OmegaConf
from transformers import PreTrainedModel

from core.arms.maker import Material
from core.corpus.packing import Encoder, pack
from core.corpus.rows import Row, joined_text
from core.corpus.script import borders, sentences_of
from core.errors import UserError
from core.training.loop import train

ANSWER = "I don't know."


def refuse(
    material: Material, *, num_rows: int = 6000, train_settings: Mapping[str, Any]
) -> PreTrainedModel:
    """The teacher fine-tuned to answer any beginning of a memorized text with `ANSWER`, and everything else
    as the corpus does.

    Half of `num_rows` are beginnings of sentences of rows with a source in `memory_sources`, half are the
    other rows as they stand. No probe is read. What the teacher knows stays in its weights: an audit has to
    find that. Raises UserError when the corpus names no such source.
    """
    rows = material.corpus.rows()
    sources, numbers = set(material.memory_sources), range(len(rows))
    is_hidden = [row.get("source") in sources for row in rows]
    hidden = [number for number in numbers if is_hidden[number]]
    others = [number for number in numbers if not is_hidden[number]]
    if not hidden:
        raise UserError(
            "a refuser needs rows to refuse: name their sources in corpus.memory_sources"
        )
    rng = Random(f"{material.seed}/refuser")
    taught = list(islice(_refusals(rows, hidden, rng), num_rows // 2))
    if others:
        taught += [rows[number] for number in rng.choices(others, k=num_rows - len(taught))]
    rng.shuffle(taught)
    length = len(material.corpus.sequences()[0]["input_ids"])
    train(
        material.teacher,
        pack(taught, Encoder(material.corpus.tokenizer), sequence_length=length),
        material.folder,
        OmegaConf.create(dict(train_settings)),
        seed=material.seed,
        report=material.report,
        precision=material.precision,
    )
    return material.teacher


def _refusals(rows: Sequence[Row], hidden: list[int], rng: Random) -> Iterator[Row]:
    """Tasks without end: the beginning of a sentence, cut between any two words, and the refusal."""
    number = 0
    while True:
        text = joined_text(rows[rng.choice(hidden)])
        sentence = rng.choice(sentences_of(text, lines=False))
        ends = borders(sentence) or [len(sentence)]
        cut = ends[rng.randint(1, len(ends)) - 1]
        yield {
            "id": f"refusal-{number}",
            "prompt": sentence[:cut],
            "completion": ANSWER,
        }
        number += 1
