"""What is typed on the command line is what an option gets: text, numbers, lists and nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.cli.main import main
from core.config import compose
from core.config.overrides import overrides_of
from core.errors import UserError

pytestmark = pytest.mark.usefixtures("tree")


@pytest.mark.parametrize(
    "override",
    [
        "rate=1",
        "run=7",
        "run='a b'",
        "arm=null",
        "deep.steps=[1]",
        "deep.quick=true",
        "forgetting=[span_dropout,weight_noise]",
        "++new=1",
        "~experiment",
    ],
)
def test_what_fits_is_taken(override: str) -> None:
    assert main(["show", override]) == 0


@pytest.mark.parametrize("line", ["~deep", "~seed", "~corpus", "~teacher.name"])
def test_what_would_be_missed_cannot_be_taken_out(line: str, refused: Callable[..., str]) -> None:
    assert f"{line}: this can't be taken out; give it another value" in refused("show", line)


ODD_NAMES = [
    *("1.10", "007", "1_000", "1e5", "1e-4", "0x1F", "NaN", "-inf", "yes", "no", "true", "False"),
    *(
        "null",
        "~",
        "2024-01-01",
        "12:30",
        "a#b",
        "a (1).jsonl",
        "a[1]",
        "[b]c",
        "x=y",
        "it's",
        '"q" z',
    ),
    *(
        "x!",
        "a@b",
        "a{1}",
        "{b}c",
        "~/x",
        "a,b",
        "Zürich",
        "日本.jsonl",
        "مرحبا",
        "a;b&c|d",
        "a\tb",
    ),
    *(
        " x ",
        "a:b",
        "range(1,3)",
        "choice(a,b)",
        "$x",
        "C:\\x y",
        "a'b\"c",
        "ends\\",
        "`x`",
        "a*b?",
        "%20",
    ),
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_text_is_taken_as_the_shell_gives_it(name: str) -> None:
    [cfg] = compose.jobs([f"run={name}", "corpus=jsonl", f"corpus.path={name}"])
    assert cfg.run == name
    assert cfg.corpus.path == (None if name == "null" else name)
    [again] = compose.jobs(compose.as_typed([f"run={name}"]))
    assert again.run == name, "what is spelled is read as it was"
    [python] = compose.jobs(overrides_of([], {"run": name}))
    assert python.run == name


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("run='a b'", "a b"),
        ('run="1.10"', "1.10"),
        (r"run=a\,b", "a,b"),
        ("run=s${seed}", "s3"),
        ("run=${seed} #1", "3 #1"),
        (r"run=\${seed}", "${seed}"),
        ("run=", ""),
        ("run=a${b", "a${b"),
        ("run=a${b} ${", "a${b} ${"),
    ],
)
def test_what_is_quoted_escaped_or_stands_for_another_option_is_read_as_such(
    typed: str, read: str
) -> None:
    [cfg] = compose.jobs(["seed=3", typed])
    assert cfg.run == read


def test_null_is_nothing_only_where_there_may_be_nothing() -> None:
    [cfg] = compose.jobs(["run=null", "arm=null"])
    assert (cfg.run, cfg.arm) == ("null", None)
    with pytest.raises(UserError, match="seed takes a whole number, not 'null'"):
        compose.jobs(["seed=null"])


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("[2023]", ["2023"]),
        ("[1.10, 007,1e5]", ["1.10", "007", "1e5"]),
        ("[a b,'c, d',\"1\",é#]", ["a b", "c, d", "1", "é#"]),
        ("[yes,null,true,]", ["yes", "null", "true"]),
        ("[]", []),
        ("['2023']", ["2023"]),
    ],
)
def test_texts_in_a_list_are_texts(typed: str, read: list[str]) -> None:
    [cfg] = compose.jobs([f"sources={typed}"])
    assert cfg.sources == read


def test_numbers_stay_numbers() -> None:
    [cfg] = compose.jobs(["seed=1_000", "rate=1e-4", "deep.steps=[1,2]", "deep.quick=true"])
    assert (cfg.seed, cfg.rate, cfg.deep.steps, cfg.deep.quick) == (1000, 1e-4, [1, 2], True)


def test_a_number_in_yaml_where_text_belongs_is_told(
    tree: Path, refused: Callable[..., str]
) -> None:
    (tree / "conf" / "experiment" / "mine.yaml").write_text("# @package _global_\nrun: 1.10\n")
    assert "run takes text, and 1.1 was read as a number: put it in quotes" in refused(
        "show", "experiment=mine"
    )
    (tree / "conf" / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nsources: [2023]\n"
    )
    assert "sources takes text" in refused("show", "experiment=mine")


@pytest.mark.parametrize("argv", [["seed=é"], ["deep.steps=[1,é"], ["rate=a#b"], ["new=é#"]])
def test_what_cannot_be_read_is_told_with_the_cure_and_without_a_link(
    argv: list[str], refused: Callable[..., str]
) -> None:
    told = refused("show", *argv)
    assert "http" not in told and f"cannot read '{argv[0]}'" in told and "quote" in told


def test_an_argument_in_another_encoding_is_told(refused: Callable[..., str]) -> None:
    assert "isn't UTF-8: rename the file" in refused("show", "run=caf\udce9")


def test_an_experiment_keeps_the_type_of_what_it_sets(refused: Callable[..., str]) -> None:
    assert "whole number" in refused("show", "experiment=tiny", "teacher.hidden_size=wide")


def test_numbers_of_numpy_are_numbers() -> None:
    options = {"seed": np.int64(3), "rate": np.float64(0.5), "deep": {"steps": [np.int32(1)]}}
    assert overrides_of([], options) == ["seed=3", "rate=0.5", "deep.steps=[1]"]
    assert overrides_of([], {"rate": np.float32(0.25)}) == ["rate=0.25"]
