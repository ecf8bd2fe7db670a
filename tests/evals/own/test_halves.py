"""Halves of facts that have nothing to tell of each other."""

from evals.own.halves import halves


def test_subjects_that_share_a_name_are_in_the_same_half() -> None:
    names = {
        "Napoleon I": {"napoleon"},
        "Napoleon Bonaparte": {"napoleon", "bonaparte"},
        "Lucien Bonaparte": {"lucien", "bonaparte"},
        "Peru": {"peru"},
        "peru": {"peru"},
        "the book": set(),
        "Uganda": {"uganda"},
    }
    half = halves(names)
    assert half["Napoleon I"] == half["Napoleon Bonaparte"] == half["Lucien Bonaparte"]
    assert half["Peru"] == half["peru"]
    assert sorted(half.values()) in (list("aaabbbb"), list("aaaabbb"))
