"""`winnow store`: put what the map strips into the lookup store, list it, search it, and forget of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from rich.text import Text

from core.corpus.stage import PackedCorpus
from core.errors import UserError, nearest
from core.runs.artifacts import Artifact, fingerprint_of, run_folder
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting
from core.signal.memory_map import MemoryMap
from core.store.nights import documents_of_nights
from core.store.store import Passage, Store
from core.store.write import FILE, ONLY_NIGHTS, StoredDocument, write_store

VERSION = "2"  # raised when the same configuration gives another store
ACTIONS = ("forget", "list", "search")
NUM_SHOWN_IDS = 3
NUM_FOUND = 10


def store(cfg: DictConfig, report: Report | None = None) -> None:
    """Without words, write `store.sqlite`; `forget ID…`, `list` and `search TEXT` work on the one there is.

    Raises UserError for other words, and whatever `Store` refuses.
    """
    action, *words = cfg.words or [None]
    if action is None:
        build_store(cfg, report)
    elif action == "list" and not words:
        show_documents(store_path(cfg))
    elif action == "search" and words:
        with Store(store_path(cfg)) as found:
            show_passages(found.search(" ".join(words), NUM_FOUND))
    elif action == "forget" and words:
        forget(store_path(cfg), words)
    elif action in ACTIONS:
        wanted = {"list": "nothing else", "search": "a text", "forget": "one or more ids"}
        raise UserError(f"winnow store {action} takes {wanted[action]}")
    else:
        hint = nearest(action, ACTIONS) or f"; there are {', '.join(ACTIONS)}"
        raise UserError(f"winnow store has no action '{action}'{hint}")


def store_path(cfg: DictConfig) -> Path:
    """Where the store of the run lies."""
    return run_folder(cfg) / FILE


def build_store(cfg: DictConfig, report: Report | None = None) -> None:
    """Write the documents with flagged tokens, whole, unless they are there; what was forgotten stays so.

    Tasks aren't documents: what they hold is practised, not looked up. What nights have put into the store
    that there was is in the new one too. Raises UserError when a store that was made from another corpus or
    map is there and `overwrite` isn't set.
    """
    corpus, path = PackedCorpus.of(cfg), store_path(cfg)
    count = cfg.store.sentences_per_passage
    if count < 1:
        raise UserError(f"store.sentences_per_passage={count}: a passage has at least one sentence")
    folder = run_folder(cfg) / "memory_map"
    inputs = {"corpus": corpus.fingerprint}
    inputs["memory_map"] = fingerprint_of(folder, "map", inputs)
    key = Artifact(path, cfg.store, inputs, version=VERSION).made_from
    if path.exists() and _is_the_same(path, key, cfg.overwrite):
        return tell_kept(path, report)
    memory_map = MemoryMap.load(folder)
    with reporting("store", report) as show:
        show(0, 1, "flagged documents")
        documents = list(flagged_documents(corpus, memory_map))
        documents += documents_of_nights(run_folder(cfg), _texts_in(path))
        write_store(path, documents, key, count)
        show(1, 1, "")
    with Store(path) as made:
        console.print(
            f"store: {len(documents):,} documents in {made.num_passages:,} passages → {path}"
        )


def _texts_in(path: Path) -> set[str] | None:
    """The texts of the store that is there; None where there is none that can be read."""
    try:
        with Store(path) as there:
            return {document.text for _, document in there.documents()}
    except UserError:
        return None


def _is_the_same(path: Path, key: dict[str, object], overwrite: bool) -> bool:
    try:
        with Store(path) as there:
            made_from = there.made_from
        same = made_from == key
        if made_from == ONLY_NIGHTS:
            return False
        if not same and not overwrite:
            raise UserError(
                f"{path} was made from another corpus, map or configuration: choose another run=NAME, "
                "or add overwrite=true to make it again, with all that was forgotten of the corpus"
            )
    except UserError:
        if not overwrite:
            raise
        return False
    return same


def flagged_documents(corpus: PackedCorpus, memory_map: MemoryMap) -> Iterator[StoredDocument]:
    """The corpus's documents that have flagged tokens, in order, with the flagged characters.

    Rows with the same text count too, also where the map didn't look.
    """
    rows = corpus.rows()
    flagged_ST = memory_map.flagged_ST.numpy()
    columns = corpus.sequences().with_format("numpy")[: len(flagged_ST)]
    row_M, start_M, end_M = (columns[name][flagged_ST] for name in ("row", "start", "end"))
    order = np.lexsort((start_M, row_M))
    spans: dict[int, list[tuple[int, int]]] = {}
    for row, start, end in zip(row_M[order], start_M[order], end_M[order], strict=True):
        if "text" in rows[row] and end > start:
            spans.setdefault(int(row), []).append((int(start), int(end)))
    flagged = {rows[number]["text"]: found for number, found in spans.items()}
    for row in rows:
        text = str(row.get("text", ""))
        if text in flagged:
            yield StoredDocument(row["id"], text, row.get("source"), _joined(text, flagged[text]))


def _joined(text: str, tokens: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join the spans of adjacent tokens, without the space before a word."""
    spans: list[tuple[int, int]] = []
    for start, end in tokens:
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start + len(text[start:end]) - len(text[start:end].lstrip()), end))
    return spans


def forget(path: Path, ids: list[str]) -> None:
    """Delete documents from the store, and say what others still tell."""
    with Store(path, writable=True) as found:
        gone = found.forget(ids)
    console.print(
        f"store: forgot {_listed(gone.ids)} ({len(gone.ids):,} ids, "
        f"{gone.num_passages - gone.num_told_elsewhere:,} passages) → {path}"
    )
    if gone.num_told_elsewhere:
        console.print(
            f"{gone.num_told_elsewhere:,} of its passages stand in other documents too:"
            " `winnow store search` names them",
            style="yellow",
        )


def show_documents(path: Path) -> None:
    """A line a document: id, source, and the text with what was flagged standing out."""
    with Store(path) as found:
        for ids, document in found.documents():
            line = Text(f"{_listed(ids)} · {document.source or '–'} · ", style="dim")
            text, at = re.sub(r"\s", " ", document.text), 0  # on one line, and no shorter
            for start, end in document.spans:
                line.append(text[at:start], "not dim").append(text[start:end], "not dim bold")
                at = end
            console.print(line.append(text[at:], "not dim"))


def show_passages(passages: list[Passage]) -> None:
    """Numbered passages with the ids of the documents that tell them."""
    for number, passage in enumerate(passages, start=1):
        text = " ".join(passage.text.split())
        console.print(Text.assemble(f"  {number}. {text} ", (f"({_listed(passage.ids)})", "dim")))
    if not passages:
        console.print("nothing in the store shares a word with it", style="dim")


def _listed(ids: tuple[str, ...]) -> str:
    more = len(ids) - NUM_SHOWN_IDS
    return ", ".join(ids[:NUM_SHOWN_IDS]) + (f" and {more:,} more" if more > 0 else "")
