"""What an experiment sets for a choice that isn't made, such as for an attack that is left out."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Hydra takes .3 s to import
    from omegaconf import DictConfig

# Groups of which several may be chosen, and what each choice has.
PLUGINS = {
    "forgetting": "_target_",
    "arms": "corpus",
    "metric": "_target_",
    "attack": "_target_",
    "format": "_target_",
}


def plugins_unchosen(cfg: "DictConfig") -> list[str]:
    """What an experiment sets for a plug-in that isn't chosen, such as attack.relearn."""
    return [
        f"{group}.{name}"
        for group, key in PLUGINS.items()
        for name, plugin in (cfg.get(group) or {}).items()
        if key not in plugin
    ]


def of_another_corpus(
    cfg: "DictConfig", settings: Sequence[str], groups: Sequence[str]
) -> list[str]:
    """What an experiment sets for another corpus than the user's, such as how many people the embedded
    world has where the corpus is a file.

    What the user's takes by its constructor stays, whatever its YAML has.
    """
    import hydra

    plain = [line for line in groups if line.lstrip("+").partition("=")[0] != "experiment"]
    is_chosen = any(line.startswith("corpus=") for line in plain)
    if not is_chosen or len(plain) == len(groups):
        return []
    own = hydra.compose("config", [*settings, *plain]).corpus
    others = [name for name in cfg.corpus if name not in own]
    if not others or "_target_" not in own:
        return []
    from core.config.build import arguments_of  # imports what is built

    taken = arguments_of(str(own["_target_"]))
    return [f"corpus.{name}" for name in others if taken is not None and name not in taken]


def drop(cfg: "DictConfig", names: Collection[str]) -> None:
    """Delete these options, by dotted name, where they are."""
    from omegaconf import open_dict

    with open_dict(cfg):
        for place in names:
            group, _, name = place.partition(".")
            if name in (cfg.get(group) or {}):
                del cfg[group][name]
