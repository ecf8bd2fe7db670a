"""A glance tells what the same probes tell, and leaves the model as it was."""

from core.worlds.world import World
from evals.probes.probe import Probe
from evals.recall.answers import answer_probes
from evals.watch import Watch

NAMES = ["Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana"]
CITIES = ["Rome", "Oslo", "Lima", "Suva"]


def test_it_tells_the_share_of_right_answers(make_llama, toy_tokenizer, fit) -> None:
    model = make_llama(hidden_size=32)
    fit(model, num_steps=80)
    model.train()
    asked = [
        Probe(name, "recall", "city", f"{name} lives in", (city,))
        for name, city in zip(NAMES, CITIES * 2, strict=True)
    ]
    watch = Watch(every=1, num_probes=9, probes=lambda: asked, corpus=None, tokenizer=toy_tokenizer)
    right = sum(answer.correct for answer in answer_probes(model, toy_tokenizer, asked))
    assert 0 < right < 8 and watch(model) == {"recall": right / 8}
    assert model.training


def test_it_looks_at_the_same_few_of_each_axis(toy_tokenizer) -> None:
    world = World(num_people=8, num_countries=8, num_elements=8, num_skill_items=200)
    one, other = (
        Watch(every=1, num_probes=5, probes={"path": None}, corpus=world, tokenizer=toy_tokenizer)
        for _ in range(2)
    )
    assert one.chosen == other.chosen
    assert {axis: len(chosen) for axis, chosen in one.chosen.items()} == {
        "recall": 5,
        "reasoning": 5,
    }


def test_without_probes_there_is_nothing_to_tell(make_llama, toy_tokenizer) -> None:
    watch = Watch(every=1, num_probes=5, probes={"path": None}, corpus=3, tokenizer=toy_tokenizer)
    assert watch(make_llama()) == {}
