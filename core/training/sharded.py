"""Training with every weight shared out among processes: FSDP2, as accelerate does it.

Accelerate leaves the final norm and the projection onto the vocabulary whole from the forward pass until the
backward pass is over, so a loss that reads the projection's weights after the forward pass finds them there,
and their gradients are summed up over the processes as all others are.
"""

from collections.abc import Iterable

from accelerate import Accelerator
from accelerate.utils import fsdp2_prepare_model
from torch import Tensor
from torch.distributed.tensor import DTensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from core.errors import UserError
from core.training.regularizer import Regularizer

WHOLE = (
    "penalty",
    "edit_gradients",
    "fold",
)  # hooks that look into the student while it is in parts


def check_sharded(accelerator: Accelerator, regularizers: Iterable[Regularizer]) -> None:
    """Raise UserError for FSDP1, and for a regularizer that needs the whole student."""
    if not accelerator.is_fsdp2:
        raise UserError(
            "FSDP1 isn't supported: launch with conf/accelerate/fsdp2.yaml, or ddp.yaml"
        )
    for regularizer in regularizers:
        if regularizer.overrides(*WHOLE):
            raise UserError(
                f"{type(regularizer).__name__} needs the whole student in every process: launch with"
                " conf/accelerate/ddp.yaml, or leave it out of `forgetting`"
            )


def share_out(model: PreTrainedModel, accelerator: Accelerator) -> None:
    """Leave each process its part of a frozen model, in place."""
    fsdp2_prepare_model(accelerator, model)


def whole(model: PreTrainedModel) -> PreTrainedModel:
    """A stock model with all weights of one that is shared out; every process has to ask for it."""
    weights = {name: _whole(value) for name, value in model.state_dict().items()}
    found: PreTrainedModel = AutoModelForCausalLM.from_config(model.config)
    found.load_state_dict(weights)
    return found


def _whole(value: Tensor) -> Tensor:
    return value.full_tensor().cpu() if isinstance(value, DTensor) else value.cpu()
