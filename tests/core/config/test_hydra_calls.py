"""What is expected of Hydra's private parts, so that another release of it is found out here."""

import pytest
from hydra.core.global_hydra import GlobalHydra

from core.config.compose import CONF
from core.config.hydra_calls import choices_of, parsing, points, sweeper_of
from core.errors import UserError


def test_overrides_are_read_and_told_apart() -> None:
    with parsing(CONF) as parser:
        one, swept, group, gone = parser.parse_overrides(
            ["a.b=1e-3", "c=1,2", "corpus=world", "~d"]
        )
    assert (one.key_or_group, one.value(), one.is_sweep_override()) == ("a.b", 1e-3, False)
    assert swept.is_sweep_override() and gone.is_delete()
    assert group.input_line == "corpus=world"


def test_what_it_cannot_read_is_one_line() -> None:
    with (
        pytest.raises(UserError, match=r"cannot read 'a=\(': write key=value"),
        parsing(CONF) as parser,
    ):
        parser.parse_overrides(["a=("])


def test_a_sweep_has_its_points() -> None:
    with parsing(CONF) as parser:
        found = points(parser.parse_overrides(["seed=0,1", "arm=core,plain", "run=x"]))
    assert found == [
        [f"seed={seed}", f"arm={arm}", "run=x"] for seed in (0, 1) for arm in ("core", "plain")
    ]


def test_groups_have_choices_and_options_none() -> None:
    with parsing(CONF):
        assert {"world", "jsonl"} <= set(choices_of("corpus", []))
        assert choices_of("corpus.path", []) == []
        assert sweeper_of([]) == "basic"


def test_an_application_s_own_hydra_is_left_as_it_was() -> None:
    theirs = GlobalHydra.instance()
    with parsing(CONF):
        assert GlobalHydra.instance() is not theirs
    assert GlobalHydra.instance() is theirs
