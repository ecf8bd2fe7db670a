"""`manifest.json`: what an export holds, how it was checked, and what it was made from."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from core.export.parity import Parity
from core.export.source import Source
from core.runs.artifacts import hash_file, plain, write_json

FILE = "manifest.json"
LIBRARIES = ("winnow-lm", "torch", "transformers")


def write_manifest(
    folder: Path,
    cfg: DictConfig,
    source: Source,
    *,
    format: str,
    libraries: Sequence[str],
    parities: Sequence[Parity],
    not_read_by: Sequence[str],
) -> None:
    """Write `manifest.json` beside the files that it lists, each with its bytes and SHA-256 sum."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest: dict[str, Any] = {
        "format": format,
        "source": {source.kind: source.name, "fingerprint": source.fingerprint},
        "fingerprints": source.fingerprints,
        "files": {
            path.relative_to(folder).as_posix(): {
                "bytes": path.stat().st_size,
                "sha256": hash_file(path),
            }
            for path in files
            if path.name != "started.json"  # of the writing, not of the export
        },
        "readers": [parity.row() for parity in parities],
        "not_read_by": list(not_read_by),
        "versions": versions((*LIBRARIES, *libraries)),
        "made_from": source.made_from,
        "config": plain(cfg),
    }
    write_json(folder / FILE, manifest)


def versions(names: Sequence[str]) -> dict[str, str]:
    """The versions of those of these packages that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
