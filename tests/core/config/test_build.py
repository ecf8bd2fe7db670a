import functools
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from core.config.build import build
from core.errors import UserError

PLUGIN = """
from os import system

from core.errors import UserError


class Leaf:
    def __init__(self, *, rate=1.0, items=(), model=None, child=None, **_):
        self.rate, self.items, self.model, self.child = rate, items, model, child


class Strict:
    def __init__(self, *, strength):
        if strength < 0:
            raise UserError("strength is negative")
        self.strength = strength


constant = 3
"""


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_builds_an_allowed_target_with_plain_containers_and_untouched_objects() -> None:
    root = OmegaConf.create(
        {"rate": 0.5, "it": {"_target_": "toy_plugin.Leaf", "rate": "${rate}", "items": [{"a": 1}]}}
    )
    model = object()
    leaf = build(root.it, allowed=["toy_plugin"], model=model)
    assert leaf.rate == 0.5 and leaf.model is model
    assert type(leaf.items) is list and type(leaf.items[0]) is dict


def test_a_dollar_sign_before_a_brace_that_is_text_stays_so() -> None:
    root = OmegaConf.create({"rate": 1, "it": {"_target_": "toy_plugin.Leaf", "rate": r"\${rate}"}})
    root.it.items_ = [r"a\${x}"]
    root.it["items"] = root.it.pop("items_")
    leaf = build(root.it, allowed=["toy_plugin"])
    assert (leaf.rate, leaf.items) == ("${rate}", ["a${x}"])


def test_builds_what_the_product_names() -> None:
    config = build({"_target_": "transformers.LlamaConfig", "hidden_size": 64})
    assert config.hidden_size == 64


def test_nested_targets_are_built_first_and_checked() -> None:
    strict = {"_target_": "toy_plugin.Strict", "strength": 2}
    leaf = build({"_target_": "toy_plugin.Leaf", "child": [strict]}, allowed=["toy_plugin."])
    assert leaf.child[0].strength == 2
    with pytest.raises(UserError, match=r"'os\.system' is not allowed"):
        nested = [{"_target_": "os.system", "command": "true"}]
        build({"_target_": "toy_plugin.Leaf", "child": nested}, allowed=["toy_plugin."])


def test_partial_waits_to_be_called() -> None:
    cfg = {"_target_": "torch.optim.AdamW", "_partial_": True, "lr": 0.1}
    assert isinstance(build(cfg), functools.partial)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("os.system", "not allowed: it starts with core.arms., "),
        ("toy_plugin.Leaf", "not allowed"),
        ("core", "not allowed"),
        ("corefake.x", "not allowed"),
        ("core.config.build.build", "not allowed"),
        ("core.config.build._locate", "not allowed"),
        ("core.errors.UserError.__init__.__globals__", "not allowed"),
        ("transformers.dynamic_module_utils.get_class_from_dynamic_module", "not allowed"),
        ("core.cli.os.system", "not allowed"),
        ("core.runs.places.remove", "not allowed"),
        ("transformers.trainer.os.system", "not a class or function of an allowed package"),
        ("core.corpus.jsonl.Path.cwd", "not a class or function of an allowed package"),
        (
            "core.corpus.jsonl.JsonLine",
            "no 'JsonLine' in core.corpus.jsonl; did you mean 'JsonLines'",
        ),
        ("core.corpus.jsnl.JsonLines", "no 'jsnl' in core.corpus; did you mean 'jsonl'"),
        ("core.corpus..jsonl", "no '' in core.corpus"),
    ],
)
def test_refuses_a_target(target: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        build({"_target_": target})
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("target", ["toy_plugin.system", "toy_plugin.constant"])
def test_an_allowed_package_lends_neither_its_imports_nor_its_constants(target: str) -> None:
    with pytest.raises(UserError, match="not a class or function"):
        build({"_target_": target}, allowed=["toy_plugin"])


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="no module 'toy_plugn': is it on PYTHONPATH"):
        build({"_target_": "toy_plugn.Leaf"}, allowed=["toy_plugn"])


def test_a_wrong_argument_names_the_nearest() -> None:
    strict = {"_target_": "toy_plugin.Strict"}
    with pytest.raises(UserError, match=r"no argument 'strenght'; did you mean 'strength'\?"):
        build({**strict, "strenght": 1}, allowed=["toy_plugin"])
    with pytest.raises(UserError, match="no argument 'zz'; it takes strength"):
        build(strict, allowed=["toy_plugin"], zz=1)


def test_what_a_constructor_says_arrives_as_it_was_said() -> None:
    negative = {"_target_": "toy_plugin.Strict", "strength": -1}
    for cfg in (negative, {"_target_": "toy_plugin.Leaf", "child": negative}):
        with pytest.raises(UserError, match=r"^strength is negative$"):
            build(cfg, allowed=["toy_plugin"])


@pytest.mark.parametrize(
    ("cfg", "said"),
    [
        ({"_target_": "transformers.LlamaConfig", "num_attention_heads": 3}, "not a multiple"),
        ({"_target_": "transformers.LlamaConfig", "hidden_size": "wide"}, "expected int, got str"),
        ({"_target_": "torch.optim.AdamW", "lr": -1.0, "params": []}, "Invalid learning rate"),
    ],
)
def test_what_a_library_refuses_is_one_line(cfg: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as caught:
        build(cfg)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_target_is_needed() -> None:
    with pytest.raises(UserError, match="no _target_ among rate"):
        build({"rate": 1})


def test_an_argument_that_is_needed_is_told() -> None:
    with pytest.raises(UserError, match=r"JsonLines needs 'path': give it a value"):
        build({"_target_": "core.corpus.jsonl.JsonLines"})
