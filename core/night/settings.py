"""What the configuration says of a night, checked."""

from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from core.errors import UserError, nearest
from core.runs.artifacts import plain

TEACHERS = ("auto", "copies", "context")
# Ways to live through days, which evals/night/lives.py lives: sleep, it without a part, and the baselines.
LIVES = (
    *("sleep", "without_reflection", "without_dreams", "without_test"),
    *("finetune", "replay", "replace", "direct"),
)


def check_life(name: str) -> None:
    """Raise UserError for a way to live that there isn't."""
    if name not in LIVES:
        hint = nearest(name, LIVES) or f"; there are {', '.join(LIVES)}"
        raise UserError(f"no life '{name}'{hint}")


@dataclass(frozen=True)
class NightSettings:
    """The `night` section; docs/night.md says what each does."""

    train: DictConfig
    copies: DictConfig
    reflection: DictConfig
    dreams: DictConfig
    test: bool
    teacher: str
    label_weight: float
    context_tokens: int
    on_policy: float
    bound: float

    @classmethod
    def of(cls, cfg: DictConfig) -> "NightSettings":
        """Those of a configuration. Raises UserError for a share that is none, and an unknown teacher."""
        own = cfg.night
        if own.teacher not in TEACHERS:
            raise UserError(f"night.teacher={own.teacher}: choose {', '.join(TEACHERS)}")
        shares = {"dreams.share": own.dreams.share, "label_weight": own.label_weight}
        shares |= {"on_policy": own.on_policy, "bound": own.bound}
        shares |= {"dreams.renamed": own.dreams.renamed}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise UserError(f"night.{name}={share}: choose a share from 0 to 1")
        if not own.dreams.weight > 0:
            raise UserError(f"night.dreams.weight={own.dreams.weight}: choose a number above 0")
        for name, count in (
            ("reflection.variants", own.reflection.variants),
            ("reflection.own_words", own.reflection.own_words),
            ("dreams.count", own.dreams.count),
        ):
            if count < 0:
                raise UserError(f"night.{name}={count}: choose 0 or more")
        names = cls.__dataclass_fields__
        return cls(**{name: own[name] for name in names})

    def identity(self) -> dict[str, Any]:
        """All of it as plain containers, for an artifact's fingerprint."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}
