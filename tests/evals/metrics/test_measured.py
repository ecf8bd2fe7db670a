import pytest

from evals.metrics.measured import Measured, averaged, merged
from evals.probes.probe import Probe


@pytest.fixture
def asked(model, subject):
    probes = [
        Probe("a", "recall", "city", "The", ("x",)),
        Probe("b", "recall", "city", "The", ("x",)),
        Probe("c", "recall", "job", "The", ("x",)),
        Probe("d", "verbatim", "poem", "The", ("x",)),
    ]
    return subject(model, probes)


def test_means_over_axes_and_families(asked):
    measured = averaged(
        asked, "m", {"a": 1.0, "b": 0.0, "c": 2.0}, chances={"a": 0.1, "b": 0.3, "c": 0.5}
    )
    found = {(s.axis, s.family): (s.value, s.n, s.chance) for s in measured.scores}
    assert found == {
        ("recall", "all"): (1.0, 3, pytest.approx(0.3)),
        ("recall", "city"): (0.5, 2, pytest.approx(0.2)),
        ("recall", "job"): (2.0, 1, 0.5),
    }
    assert measured.scores[1].stderr == pytest.approx(0.5), "the deviation over √2"
    assert measured.scores[2].stderr is None, "of one probe nothing is known"
    assert measured.values["c"] == {"m": 2.0}


def test_parts_are_joined_by_probe(asked):
    whole = merged([averaged(asked, "m", {"a": 1.0}), averaged(asked, "k", {"a": 2.0, "d": 3.0})])
    assert whole.values == {"a": {"m": 1.0, "k": 2.0}, "d": {"k": 3.0}}
    assert [(s.axis, s.metric) for s in whole.scores if s.family == "all"] == [
        ("recall", "m"),
        ("recall", "k"),
        ("verbatim", "k"),
    ]
    assert merged([]) == Measured()
