from itertools import pairwise

import torch

from core.models.taught import taught_labels, taught_logits
from core.night.teachers import TEXT, ContextTeacher, TaughtBy
from core.signal.live import LiveTeacher


def batch_of(sequences, count=4):
    chosen = sequences.with_format("torch")[:count]
    return {name: chosen[name].long() for name in ("input_ids", "position_ids", "labels", "index")}


def said(teacher, batch):
    count = len(taught_labels(batch["labels"]))
    return teacher.distributions(batch).rows(slice(0, count))


def test_each_sequence_is_taught_by_its_own_teacher(sequences, make_llama):
    teachers = [LiveTeacher(make_llama(seed)) for seed in (1, 2)]
    batch = batch_of(sequences)
    number_S = torch.tensor([1, 0, 1, 0] * len(sequences))
    together = said(TaughtBy(teachers, number_S, 320), batch)
    sizes = [len(taught_labels(row[None])) for row in batch["labels"]]
    for at, part in enumerate(together.split(sizes)):
        one = {name: value[at : at + 1] for name, value in batch.items()}
        expected = said(teachers[int(number_S[batch["index"][at]])], one)
        assert torch.allclose(part, expected, atol=1e-5)


def test_what_the_text_alone_teaches_asks_nobody(sequences):
    batch = batch_of(sequences)
    nobody = said(TaughtBy([], torch.full((len(sequences),), TEXT), 320), batch)
    assert torch.allclose(nobody.exp(), torch.tensor(1 / 320))


def test_without_context_it_says_what_the_model_says(sequences, make_llama):
    model, batch = make_llama(1), batch_of(sequences)
    own = said(ContextTeacher(model, lambda ids: []), batch)
    assert torch.allclose(own, said(LiveTeacher(make_llama(1)), batch), atol=1e-5)


def test_each_row_is_read_behind_its_context(sequences, make_llama):
    model, batch = make_llama(1), batch_of(sequences, 1)
    context = [5, 6, 7]
    asked = []

    def give(ids):
        asked.append(list(ids))
        return context

    found = said(ContextTeacher(model, give), batch)
    expected = []
    for ids in asked:
        read = torch.tensor([[*context, *ids]])
        expected.append(model(input_ids=read).logits[0, len(context) : -1].log_softmax(-1))
    positions, labels = batch["position_ids"][0], batch["labels"][0]
    rows = [n for n in (positions == 0).nonzero().flatten().tolist()]
    assert len(asked) <= len(rows)
    taught = []
    starts = [*rows, len(labels)]
    kept = [(first, end) for first, end in pairwise(starts) if (labels[first + 1 : end] >= 0).any()]
    for (first, end), own in zip(kept, expected, strict=True):
        taught.append(own[labels[first + 1 : end] >= 0])
    assert torch.allclose(found, torch.cat(taught), atol=1e-4)


def test_the_model_is_the_one_that_answers(sequences, make_llama):
    batch = batch_of(sequences, 2)
    logits = taught_logits(
        make_llama(3), batch["input_ids"], batch["position_ids"], batch["labels"]
    )
    own = said(ContextTeacher(make_llama(3), lambda ids: []), batch)
    assert torch.allclose(own, logits.log_softmax(-1), atol=1e-5)
