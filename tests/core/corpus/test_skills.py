import re
from collections import Counter
from random import Random

import pytest

from core.corpus import skills, words
from core.errors import UserError

NAMES = ["Ana", "Bea", "Cyd", "Dov", "Eli", "Fay", "Gus", "Hal"]


def draw(family: str, count: int = 300) -> list[skills.Item]:
    rng = Random(family)
    return [skills.SKILLS[family](rng, NAMES) for _ in range(count)]


def test_boolean_answers_are_right_and_balanced():
    items = draw("boolean", 2000)
    for item in items:
        expression = item.prompt.removeprefix("Evaluate: ").removesuffix(" =>")
        value = eval(expression.replace("true", "True").replace("false", "False"))
        assert item.completion == str(value).lower()
        assert len(re.findall("true|false", expression)) == 4
    assert 900 < Counter(item.completion for item in items)["true"] < 1100
    assert len({item.prompt for item in items}) > 1800  # of a space too large to learn by heart


def test_sorting_and_reversing_answers_are_right():
    for item in draw("sorting"):
        assert item.completion.split() == sorted(item.prompt.split()[1:-1])
    for item in draw("reversing"):
        assert item.completion.split() == item.prompt.split()[-2:0:-1]


def test_arithmetic_answers_are_running_results():
    items = draw("arithmetic", 5000)
    for item in items:
        terms = item.prompt.split()[1:-1]
        running = [eval(" ".join(terms[:end])) for end in (3, 5, 7)]
        assert item.completion == " ".join(map(str, running))
        assert min(running) >= 0
    commonest = Counter(item.completion for item in items).most_common(1)[0][1]
    assert commonest / len(items) < 2 * skills.ARITHMETIC_CHANCE


def test_lookup_answers_are_right():
    for item in draw("lookup"):
        asked = item.prompt.split()[-1].rstrip(":")
        assert f"{asked} {item.completion}" in item.prompt
        assert item.chance == 1 / len(set(re.findall(r"\d", item.prompt)))


def test_tracking_answers_are_right():
    for item in draw("tracking"):
        thing = item.prompt.split()[-1].rstrip("?")
        holders = re.findall(rf"(\w+) has the {thing}\.", item.prompt)
        holders += re.findall(rf"gives the {thing} to (\w+)\.", item.prompt)
        assert item.completion == holders[-1]
        named = {name for name in NAMES if name in item.prompt}
        assert item.chance == 1 / len(named)


def test_ordering_answers_are_right():
    for item in draw("ordering"):
        above = dict(re.findall(r"(\w+) is \w+ than (\w+)\.", item.prompt))
        (top,) = set(above) - set(above.values())
        (bottom,) = set(above.values()) - set(above)
        upward = item.prompt.split()[-1].rstrip("?") in {most for _, most, _ in words.COMPARISONS}
        assert item.completion == (top if upward else bottom)
        assert item.chance == 1 / (len(above) + 1)


def test_probe_names_of_a_family_are_trained_in_the_others():
    given = [f"name{index}" for index in range(40)]
    held_back = [set(skills.names_for(f, given, probe=True)) for f in skills.NAMED_SKILLS]
    for family, names in zip(skills.NAMED_SKILLS, held_back, strict=True):
        assert not names & set(skills.names_for(family, given, probe=False))
    assert not set.intersection(*held_back)
    assert len(set.union(*held_back)) == 3 * skills.NUM_PROBE_NAMES


def test_a_used_up_family_is_refused():
    item = skills.Item("p", "c", 1)
    with pytest.raises(UserError, match="no more different ordering items"):
        skills.draw_new(lambda: item, {"p"}, "ordering")
