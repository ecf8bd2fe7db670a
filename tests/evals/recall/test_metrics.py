import pytest

from core.errors import UserError
from evals.recall.metrics import metrics_of


def test_those_that_are_named_in_their_order(configure, learned, memories, subject):
    cfg = configure("eval.metrics=[stored_bits,sampling]", "eval.num_samples=3")
    found = [metric(subject(learned, memories)).scores[0].metric for metric in metrics_of(cfg.eval)]
    assert found == ["stored_bits", "sampled_leak@3"]


def test_the_nearest_name_is_told(configure):
    with pytest.raises(UserError, match=r"no metric 'stored_bit'; did you mean 'stored_bits'\?"):
        metrics_of(configure("eval.metrics=[stored_bit]").eval)
