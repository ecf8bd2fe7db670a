"""Probes about strangers keep their form, and what is told in the prompt is expected by its new name."""

import math
from random import Random

import pytest

from evals.probes.answer import Answer
from evals.probes.probe import Probe
from evals.recall import strangers as module
from evals.recall.strangers import Strangers, stranger_scores

CAPITALS = {
    **{"Chile": "Santiago", "Cuba": "Havana", "Mali": "Bamako", "Peru": "Lima"},
    **{"Fiji": "Suva", "Oman": "Muscat", "Laos": "Vientiane", "Nepal": "Kathmandu"},
}
PROBES = [
    Probe(c, "recall", "capital", f"The capital of {c} is", (v,), chance=0.1)
    for c, v in CAPITALS.items()
]
TEXTS = [f"The capital of {c} is {v}." for c, v in CAPITALS.items()]


def test_the_name_is_another_and_the_form_stays() -> None:
    strangers = Strangers(PROBES, TEXTS)
    for probe in PROBES:
        for seed in range(5):
            renamed = strangers.rename(probe, Random(seed))
            assert renamed is not None
            before, _, rest = renamed.prompt.partition(" of ")
            name, _, after = rest.partition(" ")
            assert (before, after) == ("The capital", "is")
            assert name != probe.id and name[0].isupper()
            assert renamed.answers == probe.answers, "new in the answer: expected as it was"
    assert strangers.rename(PROBES[0], Random(1)) == strangers.rename(PROBES[0], Random(1))


def test_what_the_prompt_tells_is_expected_by_its_new_name() -> None:
    told = [
        Probe(
            c,
            "recall",
            "told",
            f"{v} lies in {c}. The capital of {c} is",
            (v,),
            choices=(v, "Rome"),
        )
        for c, v in CAPITALS.items()
    ]
    renamed = Strangers(told, TEXTS).rename(told[0], Random(0))
    assert renamed is not None
    first, _, rest = renamed.prompt.partition(" lies in ")
    country = rest.partition(".")[0]
    assert renamed.answers == (first,) and first != "Santiago"
    assert renamed.choices == (first, "Rome")
    assert rest == f"{country}. The capital of {country} is" and country != "Chile"


def test_a_prompt_without_a_name_has_no_stranger() -> None:
    bare = [Probe(str(n), "recall", "sum", "2 and 2 are", ("4",)) for n in range(9)]
    assert Strangers(bare, TEXTS).rename(bare[0], Random(0)) is None


@pytest.fixture
def knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that says Lima of everybody."""

    def answers(model: object, tokenizer: object, probes: list[Probe]) -> list[Answer]:
        right = ["Lima" in p.answers for p in probes]
        return [
            Answer(p.id, r, "", math.log(0.5 if r else 0.01), 1)
            for p, r in zip(probes, right, strict=True)
        ]

    monkeypatch.setattr(module, "answer_probes", answers)


def test_the_control_says_what_it_would_of_anybody(knows: None, make_llama, toy_tokenizer) -> None:
    silent = [Probe(f"s{n}", "recall", "sum", "2 and 2 are", ("4",), chance=0.5) for n in range(3)]
    other = Probe("x", "open_book", "true", "The capital of Peru is", ("Lima",))
    asked = [*PROBES, *silent, other]
    scores = stranger_scores(make_llama(), toy_tokenizer, asked, TEXTS, seed=0)
    by = {(s.family, s.metric): s for s in scores}
    assert {s.arm for s in scores} == {"stranger"} and {s.axis for s in scores} == {"recall"}
    whole = by["all", "accuracy"]
    assert whole.n == 8 and whole.chance == pytest.approx(0.1) and not whole.higher_is_better
    assert ("sum", "accuracy") not in by
    # Of eight only Peru's capital is right whatever the country is called.
    assert whole.value == pytest.approx(1 / 8)
    assert whole.stderr == pytest.approx((1 / 8 * 7 / 8 / 7) ** 0.5)
    assert by["capital", "leak@20"].value == pytest.approx(
        (1 - 0.5**20) / 8 + 7 / 8 * (1 - 0.99**20)
    )


def test_without_recall_probes_there_is_no_control(make_llama, toy_tokenizer) -> None:
    assert stranger_scores(make_llama(), toy_tokenizer, [], TEXTS, seed=0) == []
