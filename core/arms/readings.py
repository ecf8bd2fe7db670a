"""Which readings of the teacher the arms of a run learn from, where these are cached."""

from typing import Any

from omegaconf import DictConfig

from core.arms.settings import forgetting_of, regularizers_of
from core.errors import UserError
from core.signal.readings import Readings

# Training leaves a regularizer out that has edited the readings, so it can't have one of these hooks.
OF_TRAINING = ("prepare_student", "edit_batch", "penalty", "edit_gradients", "fold")


def readings_by_arm(cfg: DictConfig) -> dict[str, Readings]:
    """The readings that each arm with a teacher learns from. Arms with the same editors share them.

    Raises UserError for a regularizer that edits what the teacher reads and whose readings can't be cached.
    """
    found: dict[str, Readings] = {}
    for name, arm in cfg.arms.items():
        if arm.teacher and "made_by" not in arm:
            editors = _editors_of(cfg, arm)
            own = Readings(name if editors else "", editors)
            found[name] = next((other for other in found.values() if other.editors == editors), own)
    return found


def readings_of_run(cfg: DictConfig) -> list[Readings]:
    """The readings of all arms, each once. The plain reading if no arm has a teacher."""
    return list({one.name: one for one in readings_by_arm(cfg).values()}.values()) or [Readings()]


def _editors_of(cfg: DictConfig, arm: Any) -> dict[str, Any]:
    """The settings, by name, of the arm's regularizers that edit what the teacher reads."""
    settings, found = forgetting_of(cfg, arm), {}
    for name, regularizer in regularizers_of(cfg, arm).items():
        if not regularizer.has_own_reading:
            continue
        if regularizer.needs_memory_map or regularizer.overrides(*OF_TRAINING):
            raise UserError(
                f"{name} lets the teacher read something else than the corpus and needs the memory map or the"
                " student for it, without which a cache is made: add distill.signal=live"
            )
        found[name] = settings[name]
    return found
