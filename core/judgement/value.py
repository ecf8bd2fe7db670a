"""A value: how a solution that is begun will end, read from a frozen core's hidden states.

It lies beside the core in a file of its own, so that the core stays a checkpoint that other tools load. It is
never a reward: nothing trains on what it says.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel

from core.errors import UserError, nearest
from core.judgement.guard import Guard
from core.judgement.head import Head
from core.judgement.reading import Reading, check_layer, read_texts, running_mean

FILE = "value.safetensors"
# What each head reads: the hidden state of the token, three feelings, or all that there is so far.
FEATURES: dict[str, Callable[[Reading], Tensor]] = {
    "head": lambda reading: reading.hidden_ND,
    "feeling": lambda reading: reading.feeling_N3,
    "both": lambda reading: torch.cat(
        [reading.hidden_ND, running_mean(reading.hidden_ND), reading.feeling_N3], dim=1
    ),
}
Text = tuple[Sequence[int], Sequence[int]]  # of a prompt, and of what is written behind it


@dataclass(frozen=True)
class Value:
    """Heads by name (`FEATURES`), of which `leads` is asked, and the guard of all.

    `layer` is that whose hidden states are read. `core` is the fingerprint of the model that it was trained
    on: it says nothing of another one.
    """

    heads: dict[str, Head]
    guard: Guard
    layer: int
    core: str
    leads: str = "feeling"

    def log_odds(self, reading: Reading, name: str | None = None) -> Tensor:
        """What the head of this name, or the one that leads, says at each written token: (N,)."""
        chosen = name or self.leads
        return self.heads[chosen].logits(FEATURES[chosen](reading))

    def unguarded(self, reading: Reading, name: str | None = None) -> Tensor:
        """The same as probabilities (N,)."""
        return self.log_odds(reading, name).sigmoid()

    def at_each(self, reading: Reading) -> Tensor:
        """The value at each written token, 0 where the text lies too far from the training: (N,)."""
        return self.unguarded(reading) * self.guard.trusts(reading.hidden_ND)

    def at_end(self, model: PreTrainedModel, texts: Sequence[Text]) -> list[float]:
        """The value of each text as far as it is written."""
        return [float(self.at_each(one)[-1]) for one in read_texts(model, texts, self.layer)]

    def save(self, path: Path) -> None:
        """Write one safetensors file, whole or not at all."""
        tensors = {
            f"{n}.{key}": t for n, head in self.heads.items() for key, t in vars(head).items()
        }
        tensors |= {f"guard.{key}": tensor for key, tensor in vars(self.guard).items()}
        partial = path.with_name(path.name + ".tmp")
        about = {"core": self.core, "layer": json.dumps(self.layer), "leads": self.leads}
        save_file({key: t.float().contiguous() for key, t in tensors.items()}, partial, about)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path, model: PreTrainedModel, core: str) -> "Value":
        """Read a value for the model with the fingerprint `core`.

        Raises UserError where the file is missing or damaged, or was trained on another core, another width
        or a layer that this one doesn't have.
        """
        if not path.exists():
            raise UserError(f"{path} isn't there yet: run `winnow value` first")
        try:
            with safe_open(path, "pt") as file:
                about = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            layer, trained_on, leads = int(about["layer"]), about["core"], about["leads"]
            heads = {name: Head(**_part(tensors, name)) for name in FEATURES}
            guard = Guard(**_part(tensors, "guard"))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path} is damaged ({error}): delete it and run `winnow value`"
            ) from error
        if trained_on != core:
            raise UserError(
                f"{path} was trained on another core ({trained_on}; the one there now is {core}): "
                "run `winnow value overwrite=true`"
            )
        check_layer(model, layer)
        width = int(model.config.get_text_config().hidden_size)
        if len(guard.mean_D) != width:
            raise UserError(
                f"{path} reads hidden states of {len(guard.mean_D)} numbers, not {width}"
            )
        return cls(heads, guard, layer, core, leads)


def fit_value(
    readings: Sequence[Reading],
    right: Sequence[bool],
    *,
    layer: int,
    core: str,
    leads: str = "feeling",
) -> Value:
    """Learn from solutions and their outcomes.

    Raises UserError where all of these are the same, and for a leading head that there isn't.
    """
    check_leads(leads)
    hidden = [reading.hidden_ND for reading in readings]
    counts = torch.tensor([len(one) for one in hidden])
    right_N = torch.tensor(list(right)).repeat_interleave(counts)
    heads = {
        name: Head.fit(torch.cat([features(reading) for reading in readings]), right_N)
        for name, features in FEATURES.items()
    }
    return Value(heads, Guard.fit(hidden), layer, core, leads)


def check_leads(leads: str) -> None:
    """Raise UserError for a head that there isn't."""
    if leads not in FEATURES:
        hint = nearest(leads, FEATURES) or f"; choose {', '.join(FEATURES)}"
        raise UserError(f"value.leads={leads}: no such head{hint}")


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.partition(".")[2]: t for key, t in tensors.items() if key.startswith(f"{name}.")}
