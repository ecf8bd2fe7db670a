"""Checkpoints, resuming, the log, and a loss that isn't finite."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers.models.llama.modeling_llama import LlamaMLP

from core.errors import UserError
from core.training.loop import LOG, enough
from core.training.regularizer import Regularizer


class Bomb(Regularizer):
    """Lets so many steps pass, and then raises or spoils the loss."""

    def __init__(self, steps: int, *, spoil: bool):
        super().__init__()
        self.left, self.spoil = steps, spoil

    def penalty(self, signal):
        self.left -= 1
        if self.left >= 0:
            return None
        if not self.spoil:
            raise KeyboardInterrupt
        return signal.weight_N * math.nan


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("embedding_learning_rate", [None, 0.05])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    make_llama, fit, tmp_path: Path, embedding_learning_rate: float | None
) -> None:
    settings = {"num_steps": 6, "save_steps": 2, "batch_size": 2, "accumulation": 2}
    settings["embedding_learning_rate"] = embedding_learning_rate
    whole = fit(make_llama(), **settings)
    folder = tmp_path / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        bomb = Bomb(2 * 3 + 1, spoil=False)  # in the middle of the fourth step
        fit(make_llama(), folder, **settings, regularizers=[bomb])
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["checkpoint-2"]
    resumed = fit(make_llama(seed=9), folder, **settings)
    assert same(whole, resumed)


def test_a_checkpoint_that_was_not_written_to_its_end_is_passed_over(
    make_llama, fit, tmp_path: Path
) -> None:
    whole = fit(make_llama(), num_steps=4, save_steps=2)
    folder = tmp_path / "half"
    with pytest.raises(KeyboardInterrupt):
        bomb = Bomb(3, spoil=False)
        fit(make_llama(), folder, num_steps=4, save_steps=2, regularizers=[bomb])
    half = folder / "checkpoints" / "checkpoint-4"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    assert same(whole, fit(make_llama(), folder, num_steps=4, save_steps=2))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.safetensors", "trainer_state.json", "optimizer.pt"])
@pytest.mark.parametrize("way", ["cut", "of zeros", "gone"])
def test_a_damaged_newest_checkpoint_is_passed_over_for_the_one_before(
    make_llama, fit, tmp_path: Path, name: str, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"num_steps": 8, "save_steps": 2}
    whole = fit(make_llama(), **settings)
    folder = tmp_path / "damaged"
    with pytest.raises(KeyboardInterrupt):
        fit(make_llama(), folder, **settings, regularizers=[Bomb(7, spoil=False)])
    kept = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert kept == ["checkpoint-4", "checkpoint-6"]
    file = folder / "checkpoints" / "checkpoint-6" / name
    size = file.stat().st_size
    if way == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: size // 2] + b"\0" * (way == "of zeros") * (size // 2))
    assert same(whole, fit(make_llama(seed=9), folder, **settings))
    assert "checkpoint-6 isn't whole: going on from checkpoint-4" in capsys.readouterr().out


@pytest.mark.parametrize("log_steps", [1, 100])
def test_a_loss_that_is_not_finite_stops_and_spoils_no_checkpoint(
    make_llama, fit, tmp_path: Path, log_steps: int
) -> None:
    folder = tmp_path / "spoilt"
    with pytest.raises(UserError, match="lower the learning rate") as caught:
        fit(
            make_llama(),
            folder,
            num_steps=8,
            save_steps=2,
            log_steps=log_steps,
            regularizers=[Bomb(3, spoil=True)],
        )
    assert "\n" not in str(caught.value) and "nan" in str(caught.value)
    [last] = (folder / "checkpoints").iterdir()
    assert last.name == "checkpoint-2"
    weights = load_file(last / "model.safetensors")
    assert all(weight.isfinite().all() for weight in weights.values())
    batch = load_file(folder / "bad_batch_0.safetensors")
    assert batch["index"].tolist() == [12, 13, 14, 15], "that of the fourth step"
    assert batch["input_ids"].shape == batch["labels"].shape


def test_gradients_that_are_not_finite_spoil_no_checkpoint(make_llama, fit, tmp_path: Path) -> None:
    class Spoiler(Regularizer):
        steps = 0

        def edit_gradients(self, student, generator):
            self.steps += 1
            if self.steps == 4:
                next(student.parameters()).grad.fill_(math.inf)

    with pytest.raises(UserError, match=r"the norm of the gradients is (nan|inf) at step 4"):
        fit(
            make_llama(),
            tmp_path,
            num_steps=8,
            save_steps=2,
            log_steps=100,
            regularizers=[Spoiler()],
        )
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["checkpoint-2"]


def test_a_loss_spoilt_at_the_very_end_is_told(make_llama, fit) -> None:
    with pytest.raises(UserError, match="the loss is nan at step 3"):
        fit(make_llama(), num_steps=3, log_steps=100, regularizers=[Bomb(2, spoil=True)])


def test_the_log_tells_loss_and_speed(make_llama, fit, tmp_path: Path) -> None:
    fit(make_llama(), tmp_path, num_steps=4, log_steps=2)
    log = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [row["step"] for row in log] == [2, 4]
    assert all(row["loss"] > 0 and row["tokens_per_second"] > 0 for row in log)


def test_a_resumed_runs_log_tells_each_step_once(make_llama, fit, tmp_path: Path) -> None:
    def told() -> list[int]:
        return [json.loads(line)["step"] for line in (tmp_path / LOG).read_text().splitlines()]

    for steps, left in ((3, [1, 2, 3]), (2, [1, 2, 3, 4])):
        with pytest.raises(KeyboardInterrupt):
            bomb = Bomb(steps, spoil=False)
            fit(make_llama(), tmp_path, num_steps=6, save_steps=2, regularizers=[bomb])
        assert told() == left
    with (tmp_path / LOG).open("a") as log:
        log.write('\0\0\n[]\n{"step": 5, "lo')  # killed while it wrote
    fit(make_llama(), tmp_path, num_steps=6, save_steps=2)
    assert told() == [1, 2, 3, 4, 5, 6]


def test_a_run_that_starts_again_starts_its_log_again(make_llama, fit, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(make_llama(), tmp_path, num_steps=4, regularizers=[Bomb(2, spoil=False)])
    fit(make_llama(), tmp_path, num_steps=4)
    log = [json.loads(line)["step"] for line in (tmp_path / LOG).read_text().splitlines()]
    assert log == [1, 2, 3, 4]


def test_it_learns(make_llama, fit, tmp_path: Path) -> None:
    fit(make_llama(initializer_range=0.05), tmp_path, num_steps=30, log_steps=10)
    log = [json.loads(line)["loss"] for line in (tmp_path / LOG).read_text().splitlines()]
    assert log[-1] < 0.7 * log[0]


class Falling:
    """Sees recall fall and reasoning rise, by a tenth each time it looks."""

    every, looks = 2, 0

    def __call__(self, model):
        self.looks += 1
        return {"recall": 1 - self.looks / 10, "reasoning": self.looks / 10}


def test_what_is_watched_is_logged_at_its_steps(make_llama, fit, tmp_path: Path) -> None:
    fit(make_llama(), tmp_path, num_steps=5, log_steps=5, watch=Falling())
    log = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [(row["step"], row.get("recall"), row.get("reasoning")) for row in log] == [
        (2, 0.9, 0.1),
        (4, 0.8, 0.2),
        (5, None, None),
    ]


def test_a_trained_model_says_what_it_says_when_it_is_loaded(make_llama, fit, tmp_path) -> None:
    model = make_llama()
    fit(model, num_steps=2, precision="bfloat16")
    model.save_pretrained(tmp_path / "saved")
    again = type(model).from_pretrained(tmp_path / "saved")
    ids = torch.arange(1, 9)[None]
    with torch.no_grad():
        assert torch.equal(model.eval()(ids).logits, again.eval()(ids).logits)


class Gaining:
    """Sees a gain in nats, which is no share."""

    every = 1

    def __call__(self, model):
        return {"gain_nats": 3.94}


def test_what_is_no_share_is_told_in_its_unit(make_llama, fit) -> None:
    told: list[str] = []
    fit(make_llama(), num_steps=2, watch=Gaining(), report=lambda at, of, note: told.append(note))
    assert "gain 3.94 nats" in told[-1]


def test_training_ends_when_enough_is_forgotten_and_kept(make_llama, fit, tmp_path: Path) -> None:
    settings = {"recall": 0.75, "reasoning": 0.2}
    fit(make_llama(), tmp_path, num_steps=20, log_steps=5, watch=Falling(), stop=settings)
    log = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [row["step"] for row in log] == [2, 4, 5, 6]


@pytest.mark.parametrize(
    ("seen", "stop", "expected"),
    [
        ({"recall": 0.1, "reasoning": 0.9}, {}, False),
        ({"recall": 0.1}, {"recall": 0.1}, True),
        ({"recall": 0.1}, {"recall": 0.1, "reasoning": 0.5}, False),
        ({"recall": 0.1, "reasoning": 0.4}, {"recall": 0.2, "reasoning": 0.5}, False),
        ({"recall": 0.3, "reasoning": 0.9}, {"recall": 0.2, "reasoning": 0.5}, False),
    ],
)
def test_enough_is_all_that_was_asked_for(seen, stop, expected: bool) -> None:
    assert enough(seen, stop) is expected


def test_recomputed_activations_give_the_same_weights_bit_for_bit(
    make_llama, fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    forward = LlamaMLP.forward
    monkeypatch.setattr(LlamaMLP, "forward", lambda *args: calls.append(1) or forward(*args))
    settings = {"teacher": None, "label_weight": 1.0, "num_steps": 3, "batch_size": 2}
    kept = fit(make_llama(), **settings)
    once = len(calls)
    recomputed = fit(make_llama(), **settings, recompute=True)
    assert same(kept, recomputed)
    assert len(calls) == 3 * once  # as often as before, and twice as often
