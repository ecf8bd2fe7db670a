"""What is left unread of a folder of files: `datasets` reads one kind, and of several splits one."""

from collections.abc import Iterable, Sequence
from pathlib import Path

# What holds rows of text; documents about these (`.md`) and pictures don't.
KINDS = {
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
    **{".parquet": "parquet", ".arrow": "arrow", ".txt": "text"},
}
TEXTS = {ending for ending, kind in KINDS.items() if kind in ("csv", "json", "text")}
ABOUT = {"readme", "license", "licence", "copying", "notice", "citation", "changelog", "authors"}
# The files of `datasets` itself.
OWN = {"config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json"}
MAX_NAMES = 4


def left_out(files: Iterable[Path], read: Sequence[Path]) -> str:
    """Say which files of data aren't read, and why.

    Args:
        files: those in the folder.
        read: those that are read.

    Returns:
        One line. Empty where nothing is left out.
    """
    resolved = {path.resolve() for path in read}
    kinds = {_kind(path) for path in read}
    others: list[str] = []
    unnamed: list[str] = []
    for path in files:
        if path.resolve() not in resolved and _holds_rows(path):
            (unnamed if _kind(path) in kinds else others).append(path.name)
    reasons = {
        "one kind of file is read of a folder": others,
        "files of another split, or of none beside one that names its split": unnamed,
    }
    told = [f"{_named(names)} ({reason})" for reason, names in reasons.items() if names]
    return f"left out: {'; '.join(told)}" if told else ""


def why_unread(files: Sequence[Path]) -> str:
    """What keeps a folder from being read, as far as its files tell; empty where they don't."""
    of_data = [path for path in files if _holds_rows(path)]
    if not of_data:
        return "it holds no JSON lines, CSV, parquet or .txt"
    for path in of_data:
        if path.suffix in TEXTS and not _is_utf8(path):
            return f"{path.name} isn't UTF-8 text; save it as UTF-8"
    return ""


def _is_utf8(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return all(True for _ in file)
    except UnicodeDecodeError:
        return False


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def _holds_rows(path: Path) -> bool:
    about = path.name.partition(".")[0].lower() in ABOUT or path.name in OWN
    return bool(_kind(path)) and not about and not path.name.startswith(".")


def _kind(path: Path) -> str:
    """By the ending, also before one of a compressed file; empty for what holds no rows."""
    return next((KINDS[ending] for ending in path.suffixes if ending in KINDS), "")
