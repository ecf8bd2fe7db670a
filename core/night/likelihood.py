"""How likely a model finds each taught token of packed rows."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedModel

from core.models.inference import evaluating
from core.models.taught import IGNORED, taught_labels, taught_logits_in_parts
from core.signal.signal import Teacher

SEQUENCES = 16  # read at once


def logprobs(model: PreTrainedModel, sequences: Dataset) -> np.ndarray:
    """Nats (S, T) at the place of each taught token; 0 at all others."""
    return _values(model, sequences, _logprob_N)


def hits(model: PreTrainedModel, sequences: Dataset) -> np.ndarray:
    """1 (S, T) where a taught token is the model's first choice, else 0."""
    return _values(
        model, sequences, lambda logits_NV, labels_N: (logits_NV.argmax(-1) == labels_N).float()
    )


def _logprob_N(logits_NV: Tensor, labels_N: Tensor) -> Tensor:
    return -F.cross_entropy(logits_NV.float(), labels_N, reduction="none")


def _values(
    model: PreTrainedModel, sequences: Dataset, value_of: Callable[[Tensor, Tensor], Tensor]
) -> np.ndarray:
    columns = sequences.with_format("torch")
    found = []
    with evaluating(model):
        for first in range(0, len(sequences), SEQUENCES):
            batch = columns[first : first + SEQUENCES]
            ids_BT, positions_BT, labels_BT = (
                batch[name].long().to(model.device)
                for name in ("input_ids", "position_ids", "labels")
            )
            labels_N = taught_labels(labels_BT)
            value_N = torch.cat(
                [
                    value_of(logits_nV, labels_N[part])
                    for part, logits_nV in taught_logits_in_parts(
                        model, ids_BT, positions_BT, labels_BT
                    )
                ]
                or [torch.zeros(0)]
            )
            value_BT = torch.zeros(labels_BT.shape, device=model.device)
            value_BT[:, 1:].masked_scatter_(labels_BT[:, 1:] != IGNORED, value_N)
            found.append(value_BT.cpu().numpy())
    return np.concatenate(found)


def taught_logprobs(teacher: Teacher, sequences: Dataset, device: torch.device) -> np.ndarray:
    """The same by what a teacher says."""
    columns = sequences.with_format("torch")
    found = []
    with torch.no_grad():
        for first in range(0, len(sequences), SEQUENCES):
            some = columns[first : first + SEQUENCES]
            names = ("input_ids", "position_ids", "labels", "index")
            batch = {name: some[name].long().to(device) for name in names}
            labels_N = taught_labels(batch["labels"])
            said_NV = teacher.distributions(batch).rows(slice(0, len(labels_N)))
            value_BT = torch.zeros(batch["labels"].shape, device=device)
            value_N = said_NV.float().gather(1, labels_N[:, None])[:, 0]
            value_BT[:, 1:].masked_scatter_(batch["labels"][:, 1:] != IGNORED, value_N)
            found.append(value_BT.cpu().numpy())
    return np.concatenate(found)
