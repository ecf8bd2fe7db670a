"""Values with which no work can be done are refused before any."""

import pytest
import torch
from transformers import get_scheduler

from core.config.ranges import SCHEDULES
from core.errors import UserError


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["teacher.train.num_steps=-1"], "teacher.train.num_steps=-1: choose at least 0"),
        (["packing.sequence_length=0"], "packing.sequence_length=0: choose at least 2"),
        (["packing.sequence_length=-5"], "packing.sequence_length=-5: choose at least 2"),
        (["corpus=hub", "corpus.name=x", "corpus.num_rows=-1"], "num_rows=-1: choose at least 1"),
        (["corpus=hub", "corpus.name=x", "corpus.num_rows=all"], "takes a whole number, not 'all'"),
        (["corpus.num_people=-3"], "corpus.num_people=-3: choose at least 0"),
        (["watch.num_probes=-1"], "watch.num_probes=-1: choose at least 1"),
        (["night.copies.every=0"], "night.copies.every=0: choose at least 1"),
        (["attack.relearn.steps=[]"], "attack.relearn.steps=[]: choose at least one"),
        (["attack.relearn.steps=[0,-2]"], "attack.relearn.steps=-2: choose at least 0"),
        (["attack.relearn.learning_rates=[fast]"], "learning_rates takes a number, not 'fast'"),
        (["distill.train.learning_rate=nan"], "learning_rate=nan: choose at least 0"),
        (["distill.train.stop.recall=many"], "stop.recall takes a number, not 'many'"),
        (["distill.train.schedule=lineer"], "no such schedule; did you mean 'linear'?"),
        (["distill.train.schedule=zzz"], "no such schedule; choose linear, cosine,"),
        (["export.num_tokens=0"], "export.num_tokens=0: choose at least 1"),
        (["export.num_prompts=0"], "export.num_prompts=0: choose at least 1"),
        (["+arms.core.train.num_steps=-1"], "arms.core.train.num_steps=-1: choose at least 0"),
        (["+arms.core.train.batch_size=null"], "train.batch_size takes a whole number, not 'null'"),
        (["sweep.objectives={recall: minimise}"], "no such direction; did you mean 'minimize'?"),
        (["distill.train.learning_rate=inf"], "learning_rate=inf: choose a finite number"),
        (["distill.label_weight=nan"], "label_weight=nan: choose a finite number"),
        (["seed=99999999999"], "seed=99999999999: choose at most 2147483647"),
        (["seeds=[1,99999999999]"], "seeds=99999999999: choose at most 2147483647"),
        (["packing.vocab_size=99999999999"], "vocab_size=99999999999: choose at most"),
        (["packing.sequence_length=99999999999"], "sequence_length=99999999999: choose at most"),
        (["distill.train.num_steps=99999999999999999999"], "choose at most 9223372036854775807"),
        (["sweep.objectives=recall"], "takes a mapping such as {recall: minimize}, not 'recall'"),
    ],
)
def test_what_no_work_can_be_done_with_is_refused(configure, lines: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        configure("experiment=smoke", *lines)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_the_least_itself_is_taken(configure) -> None:
    cfg = configure("distill.train.num_steps=0", "watch.every=0", "distill.train.stop.recall=0.06")
    assert cfg.distill.train.num_steps == cfg.watch.every == 0
    assert cfg.distill.train.stop.recall == 0.06
    cfg = configure(
        "corpus=hub", "corpus.name=x", "corpus.num_rows=null", "+arms.core.train.warmup=0"
    )
    assert cfg.corpus.num_rows is None and cfg.arms.core.train.warmup == 0


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_schedule_needs_no_other_settings(name: str) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    assert get_scheduler(name, optimizer, num_warmup_steps=1, num_training_steps=4).get_last_lr()
