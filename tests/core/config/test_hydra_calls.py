"""What is expected of Hydra's private parts, so that another release of it is found out here."""

import io
from contextlib import nullcontext

import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from core.config.compose import CONF
from core.config.hydra_calls import choices_of, parsing, points, reading_fast, sweeper_of
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


ODD = """
a: [1e-3, 8e-4, 1_000, .5, -.inf, .nan, 0x1f, 017, 12:30:45]
b: {yes: y, nothing: ~, "1": "1", '${c}': '${oc.env:HOME}'}
c: 2024-05-01
d: |
  kept
    as it is
e: &x {f: 1}
g: {<<: *x, h: "\u00e9 é 日本"}
"""


def told(text: str) -> str:
    return repr(OmegaConf.to_container(OmegaConf.load(io.StringIO(text)), resolve=False))


@pytest.mark.parametrize(
    "text", [ODD, "", *(path.read_text() for path in sorted(CONF.rglob("*.yaml")))]
)
def test_libyaml_reads_what_omegaconf_reads(text: str) -> None:
    slow = told(text)
    with reading_fast():
        assert told(text) == slow


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "a: [1\n", "a: !!python/name:os.system\n"])
def test_libyaml_refuses_what_omegaconf_refuses(text: str) -> None:
    for way in (reading_fast(), nullcontext()):
        with way, pytest.raises(yaml.YAMLError):
            OmegaConf.load(io.StringIO(text))


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")
def test_it_is_libyaml_that_reads_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of composing would be reading files otherwise."""

    def never(self, *_: object) -> None:
        raise AssertionError("PyYAML's own parser")

    monkeypatch.setattr(yaml.parser.Parser, "get_event", never)
    with parsing(CONF):
        assert sweeper_of([]) == "basic"
