import pytest

from core.config.build import build
from core.errors import UserError


def test_those_that_are_named_in_their_order(configure, learned, memories, subject):
    cfg = configure("metric=[stored_bits,sampling]", "metric.sampling.num_samples=3")
    asked = subject(learned, memories)
    found = [build(metric)(asked).scores[0].metric for metric in cfg.metric.values()]
    assert found == ["stored_bits", "sampled_leak@3"]


def test_the_nearest_name_is_told(configure):
    with pytest.raises(UserError, match="no choice 'stored_bit'; did you mean 'stored_bits'"):
        configure("metric=[stored_bit]")
