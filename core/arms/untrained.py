"""The teacher as a regularizer prepares it, untrained: what a start is worth by itself."""

import torch
from transformers import PreTrainedModel

from core.arms.maker import Material
from core.training.regularizer import Regularizer


def prepare(material: Material, *, regularizer: Regularizer) -> PreTrainedModel:
    """The teacher after `prepare_student` and `fold`. Under weight noise it is ruined: it recalls nothing and
    can do nothing, which an audit mustn't take for forgetting.
    """
    generator = torch.Generator().manual_seed(material.seed)
    regularizer.prepare_student(material.teacher, generator)
    regularizer.fold(material.teacher)
    return material.teacher
