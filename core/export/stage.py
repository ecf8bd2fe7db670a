"""`winnow export`: an arm, or any model, in the formats that other programs read."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from omegaconf import DictConfig
from rich.text import Text

from core.config.build import build
from core.errors import UserError
from core.export.format import Format
from core.export.manifest import versions, write_manifest
from core.export.parity import Parity, Spoken, ask, compare
from core.export.preflight import check
from core.export.prompts import prompts_of
from core.export.source import Source, source_of
from core.runs.artifacts import Artifact, plain, run_folder
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting

VERSION = "4"  # raised when the same configuration gives another export
FOLDER = "export"


class Card(Protocol):
    """What an export says of its checkpoint. Made by evals, since core knows of no scores."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of all that the card tells: with another one, the export is made again."""
        ...

    def write(self, folder: Path, format: str, parities: Sequence[Parity]) -> None:
        """Write the card beside the files of a format; `parities` tell how these were read back."""
        ...


MakeCard = Callable[[DictConfig, Source], Card]


def export_with(make_card: MakeCard, cfg: DictConfig, report: Report | None = None) -> None:
    """Write `export/<arm>/<format>/` of the run, each with its card and its manifest.

    Every format is loaded again by each reader that is installed, and its logits and greedy answers are
    compared with the checkpoint's on the probes' prompts. Raises UserError, before anything is written, for
    all that stands in the way; a format that fails leaves nothing.
    """
    if not cfg.format:
        raise UserError("no format: choose some, as in format=[hf,gguf]")
    source = source_of(cfg)
    card = make_card(cfg, source)
    formats: dict[str, Format] = {name: build(settings) for name, settings in cfg.format.items()}
    target = run_folder(cfg) / FOLDER / source.name
    prompts = prompts_of(cfg, source)
    check(source, formats, prompts, target)
    artifacts = {
        name: _artifact(cfg, source, card, target, name, format) for name, format in formats.items()
    }
    todo = {name: a for name, a in artifacts.items() if not a.is_done(cfg.overwrite)}
    if not todo:
        return tell_kept(target, report)
    with reporting(f"export {source.name}", report) as show:
        steps = 2 * len(todo) + 1
        show(0, steps, "the checkpoint's own answers")
        said = ask(source.model, prompts, cfg.export.num_tokens)
        for number, (name, artifact) in enumerate(todo.items()):
            show(2 * number + 1, steps, name)
            _export_one(cfg, source, card, formats[name], name, artifact, said)


def _artifact(
    cfg: DictConfig, source: Source, card: Card, target: Path, name: str, format: Format
) -> Artifact:
    compared = {key: cfg.export[key] for key in ("num_prompts", "num_tokens")}
    settings = {"format": plain(cfg.format[name]), **compared}
    inputs = {source.kind: source.fingerprint, "scores": card.fingerprint}
    # A reader that is new, or newer, is worth asking again.
    used = versions(("winnow-lm", *format.libraries))
    return Artifact(target / name, settings, inputs | used, version=VERSION)


def _export_one(
    cfg: DictConfig,
    source: Source,
    card: Card,
    format: Format,
    name: str,
    artifact: Artifact,
    said: Sequence[Spoken],
) -> None:
    """Write, read back, describe; whatever fails, nothing half-written stays."""
    with artifact.writing() as folder:
        try:
            format.write(source, [one.prompt for one in said], folder)
            parities = [compare(reader, said) for reader in format.readers(folder)]
            card.write(folder, name, parities)
            write_manifest(
                folder,
                cfg,
                source,
                format=name,
                libraries=format.libraries,
                parities=parities,
                not_read_by=format.not_read_by(),
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    _tell(name, artifact.folder, parities, format)


def _tell(name: str, folder: Path, parities: Sequence[Parity], format: Format) -> None:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    console.print(Text.assemble((name, "bold"), f": {size / 1e6:.1f} MB → {folder}"))
    for one in parities:
        console.print(
            f"  {one.file} by {one.reader}: a logit differs by {one.max_logit_difference:.2g} at most;"
            f" the same greedy answer to {one.greedy_agreement:.0%} of {one.num_prompts} prompts"
        )
        if one.tokenized_alike < 1:
            console.print(
                f"  {one.reader} tokenizes only {one.tokenized_alike:.0%} of them alike",
                style="yellow",
            )
    for line in format.not_read_by():
        console.print(f"  not read back by {line}", style="dim")
