"""What an experiment sets for a choice that isn't made doesn't stand in the way of the one that is."""

import re
from collections.abc import Callable

import pytest
from omegaconf import DictConfig

from core.config import compose
from core.errors import UserError


def test_the_size_of_the_world_is_nothing_to_a_file(configure: Callable[..., DictConfig]) -> None:
    cfg = configure("experiment=smoke", "corpus=jsonl", "corpus.path=C.jsonl")
    assert set(cfg.corpus) == {"_target_", "path", "control_path", "memory_sources"}
    assert cfg.teacher.train.num_steps == 6
    points = compose.jobs(
        ["experiment=tiny/night", "corpus=hub", "corpus.name=a", "seed=1,2"], multirun=True
    )
    assert all("num_people" not in point.corpus for point in points)


def test_what_the_corpus_takes_stays_and_so_does_what_is_typed(
    configure: Callable[..., DictConfig],
) -> None:
    assert configure("experiment=smoke", "corpus=world").corpus.probes_per_family == 4
    assert configure("experiment=smoke", "corpus=worked").corpus.num_people == 8
    with pytest.raises(UserError, match=re.escape("no option 'corpus.num_people'")):
        configure("experiment=smoke", "corpus=jsonl", "corpus.path=C", "corpus.num_people=3")
