"""Training multiplies in bfloat16 where that is asked for or pays, with nearly the losses of float32."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core.errors import UserError
from core.signal.live import LiveTeacher
from core.training import precision
from core.training.loop import LOG
from core.training.precision import in_bfloat16

RATES = {"float32": 100.0, "bfloat16": 210.0}


@pytest.fixture(autouse=True)
def a_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No GPU, and nothing measured yet."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    measured = precision.cpu_rates
    measured.cache_clear()
    yield
    measured.cache_clear()


def test_it_is_the_faster_one_that_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for rate, pays in ((210.0, True), (120.0, False), (2.5, False)):
        monkeypatch.setattr(precision, "cpu_rates", lambda rate=rate: {**RATES, "bfloat16": rate})
        assert in_bfloat16("auto") is pays
    assert in_bfloat16("bfloat16") and not in_bfloat16("float32")


def test_a_misspelt_precision_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"precision=bfloat: .*did you mean 'bfloat16'"):
        in_bfloat16("bfloat")


def test_it_is_measured_once_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = precision.cpu_rates()
    assert found["float32"] > 1 and found["bfloat16"] > 0
    kept = tmp_path / "cache" / "winnow" / "rates.json"
    assert list(json.loads(kept.read_text()).values()) == [found]
    precision.cpu_rates.cache_clear()
    monkeypatch.setattr(precision, "_rate", lambda dtype: pytest.fail("measured again"))
    assert precision.cpu_rates() == found


@pytest.mark.parametrize("damage", ["", "[]", '{"other": 1}'])
def test_what_was_kept_and_is_damaged_is_measured_again(tmp_path: Path, damage: str) -> None:
    kept = tmp_path / "cache" / "winnow" / "rates.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(damage)
    assert precision.cpu_rates()["float32"] > 1
    assert "torch" in next(iter(json.loads(kept.read_text())))


def test_without_a_place_to_keep_it_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert precision.cpu_rates()["float32"] > 1


def test_losses_are_those_of_float32_nearly(make_llama, fit, tmp_path: Path) -> None:
    """Within two per cent at every step; weights stay in float32, and two runs are the same to the bit."""
    losses, weights = {}, {}
    for name in ("float32", "bfloat16", "again"):
        folder = tmp_path / name
        chosen = {"precision": name.replace("again", "bfloat16"), "label_weight": 0.5}
        teacher = LiveTeacher(make_llama(seed=3))
        weights[name] = fit(
            make_llama(), folder, **chosen, teacher=teacher, num_steps=8, log_steps=1
        )
        rows = map(json.loads, (folder / LOG).read_text().splitlines())
        losses[name] = torch.tensor([row["loss"] for row in rows])
    torch.testing.assert_close(losses["bfloat16"], losses["float32"], rtol=0.02, atol=0)
    assert not torch.equal(losses["bfloat16"], losses["float32"]), "it did nothing"
    assert all(weight.dtype == torch.float32 for weight in weights["bfloat16"].values())
    assert all(torch.equal(weights["again"][n], w) for n, w in weights["bfloat16"].items())


def test_the_teacher_and_the_projection_multiply_in_it_too(make_llama, fit, monkeypatch) -> None:
    teacher, seen = LiveTeacher(make_llama(seed=3)), set()
    attention = teacher.model.model.layers[0].self_attn.q_proj
    attention.register_forward_hook(lambda module, inputs, output: seen.add(output.dtype))
    fit(make_llama(), precision="bfloat16", teacher=teacher, label_weight=0.5, num_steps=1)
    assert seen == {torch.bfloat16}
