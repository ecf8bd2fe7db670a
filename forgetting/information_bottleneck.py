"""Noise on the residual stream that the student may turn down, at a price for each nat it lets through."""

import math
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from core.errors import UserError
from core.signal.signal import MemorySlice, TeacherSignal
from core.training.regularizer import Batch, Regularizer
from forgetting.modules import layers


class InformationBottleneck(Regularizer):
    """Add Gaussian noise to what each decoder layer hands on, and charge for what passes through it.

    Channel d of a layer's output h becomes h + σ_d · std(h_d) · N(0, 1), with a learned σ_d, and std over the
    micro-batch's tokens. What passes is at most rate = ½ · Σ_d ln(1 + 1/σ_d²) nats a token and layer: the
    capacity of Gaussian channels, and the mean over tokens of the KL divergence of N(h, σ²·var(h)) from the
    Gaussian with the moments of all of them. A token's loss grows by weight · strength · beta · the layers'
    mean rate: the variational information bottleneck (arXiv 1612.00410) with that Gaussian as its marginal,
    after each layer. Since σ is relative, growing h buys nothing.

    Noise is in training only, and dropped at the end: the core reads each h itself, the mean of what it was
    trained with.
    """

    def __init__(self, *, strength: float = 1.0, beta: float = 1e-3, initial_noise: float = 0.1):
        """`strength` also scales `initial_noise`, the σ to start with. Raises UserError for a negative
        `beta`, or a noise that isn't positive.
        """
        super().__init__(strength=strength)
        if not beta >= 0:
            raise UserError(f"InformationBottleneck: beta must be 0 or more, not {beta}")
        if not initial_noise > 0:
            raise UserError(
                f"InformationBottleneck: initial_noise must be above 0, not {initial_noise}"
            )
        self.beta = beta
        self.initial_noise = initial_noise
        self._seed = 0
        self._layers: list[nn.Module] = []
        self._hooks: list[RemovableHandle] = []

    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Give each decoder layer a parameter `log_noise` (D,) and hook the noise to its output.

        Raises UserError for a student without a list of decoder layers.
        """
        if self.strength == 0:
            return
        self._layers = layers(student, "InformationBottleneck")
        for number, layer in enumerate(self._layers):
            start = math.log(self.strength * self.initial_noise)
            log_noise_D = torch.full((student.config.hidden_size,), start, device=student.device)
            layer.register_parameter("log_noise", nn.Parameter(log_noise_D))
            self._hooks.append(layer.register_forward_hook(partial(self._add_noise, number)))

    def edit_batch(
        self, batch: Batch, memory: MemorySlice | None, generator: torch.Generator
    ) -> Batch:
        """Draw the seed of this batch's noise; the batch stays."""
        if self.strength > 0:
            self._seed = int(torch.randint(2**62, (), generator=generator))
        return batch

    def penalty(self, signal: TeacherSignal) -> Tensor | None:
        """The price (N,) in nats: the same rate for all tokens, each in proportion to its weight."""
        if not self._layers:
            return None
        log_noise_LD = torch.stack([layer.get_parameter("log_noise") for layer in self._layers])
        rate = 0.5 * F.softplus(-2 * log_noise_LD).sum(-1).mean()  # ln(1 + 1/σ²), without overflow
        return self.strength * self.beta * rate * signal.weight_N

    def fold(self, student: PreTrainedModel) -> None:
        """Take off the hooks and the noise's scales."""
        for hook in self._hooks:
            hook.remove()
        for layer in self._layers:
            del layer.log_noise
        self._layers = []

    def _add_noise(
        self, number: int, layer: nn.Module, args: tuple[Any, ...], hidden_BTD: Tensor
    ) -> Tensor:
        if not layer.training:
            return hidden_BTD
        # Seeded here, so that a forward pass that is computed again for its gradients is the same one.
        generator = torch.Generator().manual_seed(self._seed + number)
        noise_BTD = torch.randn(hidden_BTD.shape, generator=generator).to(hidden_BTD)
        spread_D = hidden_BTD.detach().float().std(dim=(0, 1), correction=0)
        scale_D = layer.get_parameter("log_noise").exp() * spread_D
        return hidden_BTD + noise_BTD * scale_D.to(hidden_BTD.dtype)
