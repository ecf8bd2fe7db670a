"""The plain style is the world as it always was; a style is found by its name alone."""

import hashlib

import pytest

from core.errors import UserError
from core.worlds import styles
from core.worlds.world import World

# Of the world before it had styles.
BEFORE = "a0e48ebab9e14ebb7d58ffe2d5c2e94f03a4e119708cf6ac0ec557187d22d883"


def test_the_plain_world_has_not_changed(small: dict[str, int]) -> None:
    world = World(**{**small, "num_skill_items": 800})
    parts = [
        list(world.rows()),
        list(world.rebound_rows()),
        world.spans(),
        world.probes(),
        world.documents_of_facts(),
        world.reading_prompt(["The city of Ada is Rome."], "The job of Ada is"),
    ]
    assert hashlib.sha256(repr(parts).encode()).hexdigest() == BEFORE


def test_every_style_is_found_and_only_styles() -> None:
    assert len(styles.names()) == 12
    assert all(isinstance(styles.find(name), styles.Style) for name in styles.names())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("plian", "did you mean 'plain'"),
        ("table", "did you mean 'tables'"),
        ("style", "no such style"),
        ("../plain", "no such style"),
        ("zzzz", "styles: common_values, compounds"),
    ],
)
def test_a_misspelt_style_is_refused_in_one_line(name: str, hint: str) -> None:
    with pytest.raises(UserError, match=hint) as error:
        World(style=name)
    assert name in str(error.value) and "\n" not in str(error.value)
