"""Models that were trained elsewhere: where they lie, what makes them, and what a run calls them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from core.errors import UserError
from core.models.files import model_files
from core.models.loading import HUB_NAME, lies_in, load_config, load_model, load_tokenizer
from core.runs.artifacts import SCORE_FOLDERS, hash_file, read_json, read_mark

# What is fetched of a model: what may make it, at the top of its folder.
FETCHED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
PLACE = "place.json"  # beside the scores of a model from elsewhere
WEIGHTS = (".safetensors", ".safetensors.index.json")


@dataclass(frozen=True)
class Checkpoint:
    """A pretrained causal language model: a Hugging Face folder, or the GGUF file of that name in one."""

    folder: Path
    gguf_file: str | None = None

    @property
    def files(self) -> list[Path]:
        """All that makes the model."""
        return [self.folder / self.gguf_file] if self.gguf_file else model_files(self.folder)

    @property
    def tokenizer_files(self) -> list[Path]:
        """What its text is read with: all but the weights, where these lie apart."""
        return [path for path in self.files if not path.name.endswith(WEIGHTS)]

    def config(self) -> PretrainedConfig:
        """Its configuration. Like `tokenizer` and `model`, raises UserError when it can't be read."""
        return load_config(self.folder, gguf_file=self.gguf_file)

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Its tokenizer."""
        return load_tokenizer(self.folder, gguf_file=self.gguf_file)

    def model(self) -> PreTrainedModel:
        """The model in float32."""
        return load_model(self.folder, gguf_file=self.gguf_file)


def checksums(files: Iterable[Path]) -> dict[str, str]:
    """Checksums by file name, which don't depend on where the model lies."""
    return {path.name: hash_file(path) for path in files}


def find_model(name: str, option: str, revision: str | None = None) -> Path:
    """The folder of any model: `name` itself, or that of a model on the hub, fetched if need be.

    Raises `UserError`, naming `option`, when it is neither, or can't be fetched.
    """
    folder = Path(name)
    if folder.is_dir():
        return Path(lies_in(folder))
    if not HUB_NAME.fullmatch(name):
        raise UserError(f"{option}={name}: no such folder, and no name of a model on the hub")
    try:
        # With a slash in it a file lies deeper: other formats of the same weights.
        return Path(
            snapshot_download(
                name, revision=revision, allow_patterns=FETCHED, ignore_patterns=["*/*"]
            )
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".: ")
        raise UserError(
            f"{option}={name}: no such folder, and it can't be had from the hub ({reason})"
        ) from error


def fingerprint_model(folder: Path) -> str:
    """The checksum of all files that make the model in that folder."""
    return " ".join(f"{name}:{sum_}" for name, sum_ in checksums(model_files(folder)).items())


def place_of(name: str) -> str:
    """Where a model lies, whatever it was named by: its folder, or its name on the hub."""
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def name_in_run(name: str, fingerprint: str, run: Path) -> str:
    """The name of a model in a run: that of its folder, or of the model on the hub.

    Raises UserError where that is an arm's, since both would be written under one name.
    Where another model of that name was measured in the run before, this one is `name@` with a hash of its
    fingerprint, so that each has its own scores. A model that was changed in its place keeps its name.
    """
    own = own_name(name, run)
    for kind in SCORE_FOLDERS:
        folder = run / kind / own
        if not (folder / PLACE).exists():
            continue
        same = read_mark(folder)["made_from"]["inputs"].get("model") == fingerprint
        if not same and read_json(folder / PLACE)["place"] != place_of(name):
            return f"{own}@{hashlib.sha256(fingerprint.encode()).hexdigest()[:8]}"
    return own


def own_name(name: str, run: Path) -> str:
    """The last part of where a model lies; raises UserError where an arm of the run, or a seed's, has it."""
    own = Path(name).resolve().name
    for part in (run, *run.glob("seed_*")):
        folder = part / "teacher" if own == "teacher" else part / "arms" / own
        if folder.is_dir():
            raise UserError(
                f"model={name}: {part} has an arm '{own}' of its own; choose another run=NAME"
            )
    return own
