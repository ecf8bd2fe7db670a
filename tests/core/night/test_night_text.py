from random import Random

import pytest
import torch

from core.corpus.packing import Encoder
from core.corpus.rows import joined_text
from core.models.taught import IGNORED
from core.night.text import BySequence, Part, mixed, on_sheets
from core.signal.signal import TeacherSignal


@pytest.fixture
def encoder(toy_tokenizer):
    return Encoder(toy_tokenizer)


def test_each_part_has_its_share_its_teacher_and_its_weight(rows, encoder):
    parts = [Part(rows[:20], 0, 0.0, 0.5), Part(rows[20:], 1, 0.7, 0.5), Part([], 2, 1.0, 3.0)]
    text = mixed(parts, encoder, num_sequences=24, length=40, rng=Random(0))
    assert len(text.sequences) == 24
    assert text.teacher_S.tolist().count(0) == 12 and set(text.teacher_S.tolist()) == {0, 1}
    assert text.label_weight_S.tolist() == pytest.approx(
        [0.7 if teacher else 0.0 for teacher in text.teacher_S.tolist()]
    )
    assert text.sequences["index"][:] == list(range(24))


def test_a_teacher_stays_with_its_rows(rows, encoder, toy_tokenizer):
    facts = [row for row in rows if "text" in row]
    tasks = [row for row in rows if "prompt" in row]
    parts = [Part(facts, 0, 0.0, 0.5), Part(tasks, 1, 1.0, 0.5)]
    text = mixed(parts, encoder, num_sequences=10, length=40, rng=Random(1))
    for ids, teacher in zip(text.sequences["input_ids"], text.teacher_S.tolist(), strict=True):
        assert ("lives in" in toy_tokenizer.decode(ids)) == (teacher == 0)


def test_batches_are_made_up_alike(rows, encoder):
    parts = [Part(rows[:20], 0, 0.0, 0.5), Part(rows[20:], 1, 0.7, 0.25), Part(rows, 2, 1.0, 0.25)]
    text = mixed(parts, encoder, num_sequences=32, length=40, rng=Random(0))
    batches = text.teacher_S.view(4, 8).tolist()
    assert all([batch.count(teacher) for teacher in (0, 1, 2)] == [4, 2, 2] for batch in batches)


def test_rows_recur_in_another_order(rows, encoder):
    text = mixed([Part(rows[:6], 0, 1.0, 1.0)], encoder, num_sequences=9, length=40, rng=Random(0))
    assert len({tuple(ids) for ids in text.sequences["input_ids"]}) > 3


def test_a_share_of_the_tasks_stands_on_sheets(rows):
    tasks = [row for row in rows if "prompt" in row]
    rest, sheets = on_sheets(tasks, Random(0))
    lines = [line for row in sheets for line in row["text"].split("\n") if line]
    assert len(lines) == int(0.4 * len(tasks)) == len(tasks) - len(rest)
    assert {joined_text(row) for row in tasks} == {*lines, *map(joined_text, rest)}


def test_each_sequence_counts_by_its_part(rows, encoder):
    parts = [Part(rows[:20], 0, 0.0, 0.5, weight=3.0), Part(rows[20:], 1, 0.7, 0.5)]
    text = mixed(parts, encoder, num_sequences=4, length=40, rng=Random(0))
    batch = {
        name: torch.tensor(text.sequences[name][:]) for name in ("labels", "input_ids", "index")
    }
    counts = (batch["labels"][:, 1:] != IGNORED).sum(1)
    ones_N = torch.ones(int(counts.sum()))
    signal = BySequence(text).edit_signal(
        TeacherSignal(None, ones_N, ones_N), batch, None, torch.Generator()
    )
    of_dream = text.teacher_S.repeat_interleave(counts) == 0
    assert set(signal.weight_N[of_dream].tolist()) == {3.0}
    assert set(signal.weight_N[~of_dream].tolist()) == {1.0}
    torch.testing.assert_close(signal.label_weight_N, 0.7 * (~of_dream).float())
