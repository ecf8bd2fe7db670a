import re
from collections import Counter
from random import Random

import pytest

from core.errors import UserError
from core.worlds import skills


def draw(family: str, count: int = 300) -> list[skills.Item]:
    rng = Random(family)
    return [skills.SKILLS[family](rng) for _ in range(count)]


def test_boolean_answers_are_running_values():
    value = {"true": True, "false": False}
    items = draw("boolean", 5000)
    for item in items:
        first, *rest = item.prompt.removeprefix("Evaluate: ").removesuffix(" =>").split()
        running, said = value[first], []
        for operator, operand in zip(rest[::2], rest[1::2], strict=True):
            either, both = running or value[operand], running and value[operand]
            running = {"and": both, "or": either, "xor": either and not both, "nor": not either}[
                operator
            ]
            said.append(str(running).lower())
        assert item.completion.split() == said and len(said) == 5
    commonest = Counter(item.completion for item in items).most_common(1)[0][1]
    assert commonest / len(items) < 1.5 * skills.BOOLEAN_CHANCE
    assert len({item.prompt for item in items}) > 4500  # of a space too large to learn by heart


def test_sorting_and_reversing_answers_are_right():
    for item in draw("sorting"):
        assert item.completion.split() == sorted(item.prompt.split()[1:-1])
    for item in draw("reversing"):
        assert item.completion.split() == item.prompt.split()[-2:0:-1]


def test_arithmetic_answers_are_running_results():
    items = draw("arithmetic", 5000)
    for item in items:
        terms = item.prompt.split()[1:-1]
        running = [eval(" ".join(terms[:end])) for end in (3, 5, 7, 9, 11)]
        assert item.completion == " ".join(map(str, running))
        assert 0 <= min(running) <= max(running) <= skills.LARGEST
    assert len({item.completion for item in items}) > 4000


def test_lookup_answers_are_right():
    for item in draw("lookup"):
        asked = item.prompt.split()[-1]
        assert f"{asked} {item.completion}" in item.prompt
        assert item.chance == 1 / len(re.findall(r"\d", item.prompt))
        told = set(re.findall(r"\w \d", item.prompt))
        assert set(re.findall(r"\w \d", item.rest)) == told - {f"{asked} {item.completion}"}


def test_lists_are_continued():
    for item in draw("continuing"):
        listed, asked = item.prompt.removeprefix("List: ").split(". From ")
        assert listed.endswith(f"{asked} {item.completion}")


def test_tracking_answers_are_right():
    for item in draw("tracking"):
        story, asked = item.prompt.removeprefix("Story: ").split(". Now the ")
        holders = re.findall(rf"the {asked} (\w)\b", story)
        assert item.completion == holders[-1]
        assert item.chance == 1 / len(story.split(", "))
        other, holder = item.rest.removeprefix(", the ").split()
        assert other != asked and re.findall(rf"the {other} (\w)\b", story)[-1] == holder


def test_ordering_answers_are_right():
    for item in draw("ordering"):
        above = dict(re.findall(r"(\w+) is \w+ than (\w+)\.", item.prompt))
        (top,) = set(above) - set(above.values())
        (bottom,) = set(above.values()) - set(above)
        ends = {"tallest": top, "shortest": bottom}
        asked = item.prompt.split()[-1]
        assert item.completion == ends.pop(asked)
        [(other, answer)] = ends.items()
        assert item.rest == f", the {other} {answer}"
        assert item.chance == 1 / (len(above) + 1)


def test_a_used_up_family_is_refused():
    item = skills.Item("p", "c", 1)
    with pytest.raises(UserError, match="no more different ordering items"):
        skills.draw_new(lambda: item, {"p"}, "ordering")
