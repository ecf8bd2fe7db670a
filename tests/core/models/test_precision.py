"""Training multiplies in bfloat16 where that is asked for or pays, with nearly the losses of float32."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import UserError
from core.models import precision
from core.models.precision import in_bfloat16
from core.models.taught import FILLED
from core.signal.live import LiveTeacher
from core.training.loop import LOG

RATES = {"float32": 100.0, "bfloat16": 210.0}


@pytest.fixture(autouse=True)
def a_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No GPU, and nothing measured yet."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setenv(precision.FOLDER, str(tmp_path / "cache"))
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
    with pytest.raises(UserError, match=r"training\.precision=bfloat: .*did you mean 'bfloat16'"):
        in_bfloat16("bfloat")


@pytest.mark.parametrize("has_it", [True, False])
def test_a_gpu_multiplies_in_it_where_it_can(monkeypatch: pytest.MonkeyPatch, has_it: bool) -> None:
    """Whatever the CPU beside it does."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(precision, "is_torch_bf16_gpu_available", lambda: has_it)
    monkeypatch.setattr(precision, "cpu_rates", lambda: pytest.fail("asked the CPU"))
    assert in_bfloat16("auto") is has_it and not in_bfloat16("float32")
    if has_it:
        assert in_bfloat16("bfloat16")
    else:
        with pytest.raises(UserError, match="this GPU doesn't have it; take float32"):
            in_bfloat16("bfloat16")


def test_it_is_measured_once_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "cache" / "rates.json"
    kept.parent.mkdir()
    kept.write_text(json.dumps({"another machine": {"float32": 9.0, "bfloat16": 1.0}}))
    found = precision.cpu_rates()
    assert found["float32"] > 1 and found["bfloat16"] > 0
    assert json.loads(kept.read_text()).keys() == {"another machine", precision.machine()}
    precision.cpu_rates.cache_clear()
    monkeypatch.setattr(precision, "_rate", lambda dtype: pytest.fail("measured again"))
    assert precision.cpu_rates() == found


@pytest.mark.parametrize("damage", ["", "[]", '{"other": 1}'])
def test_what_was_kept_and_is_damaged_is_measured_again(tmp_path: Path, damage: str) -> None:
    kept = tmp_path / "cache" / "rates.json"
    kept.parent.mkdir()
    kept.write_text(damage)
    assert precision.cpu_rates()["float32"] > 1
    assert precision.machine() in json.loads(kept.read_text())


def test_without_a_place_to_keep_it_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(precision.FOLDER, "/proc/nowhere")
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


def test_all_products_are_in_it_and_of_few_shapes(make_llama, fit, monkeypatch) -> None:
    """Of student and teacher, both projections included, whose rows are as many as are taught."""
    student, teacher = make_llama(), make_llama(seed=3)
    vocabulary, seen, multiply = len(student.lm_head.weight), set(), F.linear

    def linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        product = multiply(rows, weight, bias)
        kind = "projection" if len(weight) == vocabulary else "layer"
        seen.add((kind, product.dtype, product.shape[0] if kind == "projection" else None))
        return product

    monkeypatch.setattr(F, "linear", linear)
    settings = {"num_steps": 4, "label_weight": 0.5, "confidence_floor": 0.03}
    fit(student, precision="bfloat16", teacher=LiveTeacher(teacher), **settings)
    assert {dtype for _, dtype, _ in seen} == {torch.bfloat16}
    rows = {rows for kind, _, rows in seen if kind == "projection"}
    assert rows and all(number % FILLED == 0 for number in rows)
