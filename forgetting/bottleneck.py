"""A student with less room: MLP matrices of low rank."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from core.errors import UserError
from core.training.regularizer import Regularizer
from forgetting.modules import linears, mlps


class Bottleneck(Regularizer):
    """Train each matrix of the MLPs as the product of two thin ones, and multiply them at the end.

    The rank is 1 − strength · (1 − rank_ratio) of the full one, rounded. The product starts as the matrix's
    best approximation of that rank (Eckart and Young), its singular values shared evenly between the
    factors. Only the rank is less in the core: its shapes are the stock ones. List `weight_noise` before
    this, or it noises both factors. A smaller student in the usual sense needs no regularizer:
    `student.num_hidden_layers=2`, or `student=fresh student.intermediate_size=128`.
    """

    def __init__(self, *, strength: float = 1.0, rank_ratio: float = 0.25):
        """Raises UserError when `rank_ratio` is outside (0, 1)."""
        super().__init__(strength=strength)
        if not 0 < rank_ratio < 1:
            raise UserError(f"Bottleneck: rank_ratio must lie between 0 and 1, not {rank_ratio}")
        self.rank_ratio = rank_ratio

    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Factorize the MLPs' linear layers in place; those of full rank after rounding stay.

        Raises UserError for a student without any.
        """
        if self.strength == 0:
            return
        for mlp in mlps(student, "Bottleneck"):
            for linear in linears(mlp):
                full = min(linear.weight.shape)
                rank = max(1, round(full * (1 - self.strength * (1 - self.rank_ratio))))
                if rank < full:
                    LowRankLinear.factorize(linear, rank)

    def fold(self, student: PreTrainedModel) -> None:
        """Multiply the factors, which gives back stock linear layers."""
        for module in list(student.modules()):
            if isinstance(module, LowRankLinear):
                module.multiply()


class LowRankLinear(nn.Linear):
    """A linear layer (I in, O out) whose weight is a product: `output_factor` (O, R) · `input_factor` (R, I).

    A layer turns into one and back in place, as in `torch.nn.utils.parametrize`, so that it keeps its hooks
    and its bias. Never writing out the product makes it cheaper than the full layer where R is less than
    I · O / (I + O).
    """

    input_factor: nn.Parameter
    output_factor: nn.Parameter

    @staticmethod
    @torch.no_grad()
    def factorize(linear: nn.Linear, rank: int) -> None:
        """Turn a stock layer into one of rank R."""
        weight = linear.weight
        left, values, right = torch.linalg.svd(weight.float(), full_matrices=False)
        root_R = values[:rank].sqrt()
        linear.__class__ = LowRankLinear
        del linear.weight
        for name, factor in (
            ("input_factor", root_R[:, None] * right[:rank]),
            ("output_factor", left[:, :rank] * root_R),
        ):
            linear.register_parameter(name, nn.Parameter(factor.to(weight.dtype).contiguous()))

    @torch.no_grad()
    def multiply(self) -> None:
        """Turn back into a stock layer."""
        weight, bias = self.output_factor @ self.input_factor, self.bias
        del self.input_factor, self.output_factor, self.bias
        self.__class__ = nn.Linear  # type: ignore[assignment]
        self.register_parameter("weight", nn.Parameter(weight))
        self.register_parameter("bias", bias)

    def forward(self, input: Tensor) -> Tensor:
        """(…, I) to (…, O), by way of (…, R)."""
        return F.linear(F.linear(input, self.input_factor), self.output_factor, self.bias)
