"""The teacher with fewer MLP units, untrained: what mere smallness forgets."""

from transformers import PreTrainedModel

from core.arms.maker import Material
from core.errors import UserError
from core.models.curvature import batches_of
from core.models.cut import gated_mlps
from core.models.student import IMPORTANCE_SEQUENCES, inherited_student


def prune(material: Material, *, share: float = 0.5) -> PreTrainedModel:
    """A smaller model of the same kind that keeps `share` of the teacher's MLP units, in each layer those
    that do most on the corpus.

    After arXiv 2310.04680, where pruning takes recall long before it takes what is read in context. Raises
    UserError for a share outside (0, 1] and for a teacher whose MLPs aren't gated as Llama's are.
    """
    if not 0 < share <= 1:
        raise UserError(f"arms.pruned.made_by.share={share}: choose one above 0 and up to 1")
    teacher, seed = material.teacher, material.seed
    gated_mlps(teacher)
    num_kept = max(1, round(share * teacher.config.get_text_config().intermediate_size))
    return inherited_student(
        teacher,
        {"intermediate_size": num_kept},
        seed,
        lambda: batches_of(material.corpus.sequences(), IMPORTANCE_SEQUENCES, seed),
    )
