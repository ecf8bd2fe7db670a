"""What is exported: one arm of a run, or any model's folder, with all that it was made from."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.errors import UserError, nearest
from core.models.checkpoint import find_model, fingerprint_model, name_in_run
from core.models.loading import check_vocabulary, load_checkpoint, load_tokenizer
from core.runs.artifacts import MARK, arm_name, fingerprint_of, read_json, run_folder

TEACHER = "teacher"
CHAIN = ("corpus", "teacher", "memory_map")  # folders of a run that an arm may be made from


@dataclass(frozen=True)
class Source:
    """A checkpoint. `kind` is what evaluation calls it: `arm` of a run, or any `model`.

    `made_from` holds the fingerprint, configuration and inputs of each artifact of the chain that led here.
    """

    name: str
    kind: str
    folder: Path
    run: Path
    fingerprint: str
    made_from: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def _loaded(self) -> tuple[PreTrainedModel, list[str]]:
        return load_checkpoint(self.folder)

    @cached_property
    def model(self) -> PreTrainedModel:
        """The model in float32, in evaluation mode. Raises UserError when it can't be loaded whole."""
        return self._loaded[0].eval()

    @property
    def added(self) -> list[str]:
        """The names of stored weights that its architecture has no place for."""
        return self._loaded[1]

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Its tokenizer. Raises UserError when it is missing, or isn't the model's."""
        tokenizer = load_tokenizer(self.folder)
        check_vocabulary(self.model, tokenizer, str(self.folder))
        return tokenizer

    @property
    def fingerprints(self) -> dict[str, str]:
        """Fingerprints of the checkpoint, and of what it was made from."""
        chain = {name: artifact["fingerprint"] for name, artifact in self.made_from.items()}
        return {self.kind: self.fingerprint, **{k: v for k, v in chain.items() if k in CHAIN}}


def source_of(cfg: DictConfig) -> Source:
    """The checkpoint that the configuration names: `model`, or `arm` of the run.

    Of a run over several seeds, the arm of the first. Raises UserError for an arm that isn't there or is
    damaged, and for one that was made from another corpus, teacher or map than the run now holds.
    """
    run = run_folder(cfg)
    if cfg.model is not None:
        folder = find_model(cfg.model, "model")
        fingerprint = fingerprint_model(folder)
        name = name_in_run(cfg.model, fingerprint, run)
        return Source(name, "model", folder, run, fingerprint)
    if cfg.seeds:
        run = run / f"seed_{cfg.seeds[0]}"
    name = arm_name(cfg)
    folder = run / TEACHER if name == TEACHER else run / "arms" / name
    there = sorted(mark.parent.name for mark in run.glob(f"arms/*/{MARK}"))
    if not folder.exists() and there:
        raise UserError(
            f"arm={name}: no such arm in {run}{nearest(name, there)}; there are {', '.join(there)}"
        )
    verb = "teach" if name == TEACHER else f"distill arm={name}"
    fingerprint = fingerprint_of(folder, f"{verb} run={cfg.run}")
    return Source(name, "arm", folder, run, fingerprint, _chain(run, name, folder))


def _chain(run: Path, name: str, folder: Path) -> dict[str, Any]:
    """The artifact and those that it was made from, each once."""
    found: dict[str, Any] = {}
    todo = [(name, folder)]
    while todo:
        name, folder = todo.pop(0)
        mark = read_json(folder / MARK)
        found[name] = {"fingerprint": mark["fingerprint"], **mark["made_from"]}
        for made_from, expected in mark["made_from"]["inputs"].items():
            place = run / made_from
            if made_from not in CHAIN or made_from in found:
                continue
            if not (place / MARK).exists():  # what led here may have been deleted to save space
                found[made_from] = {"fingerprint": expected, "config": None, "inputs": {}}
            elif read_json(place / MARK)["fingerprint"] != expected:
                raise UserError(
                    f"{folder} was made from another {made_from} than {place}:"
                    " run the stages again with overwrite=true, or export from the run it came from"
                )
            else:
                todo.append((made_from, place))
    return found
