"""`memory_map.show=html`: the corpus as it is read, coloured by score, on one self-contained page."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from core.corpus.rows import Row, joined_text, prompt_of
from core.corpus.stage import PackedCorpus
from core.models.taught import IGNORED
from core.signal.memory_map import THRESHOLD, MemoryMap
from forgetting.memory_map.histogram import NUM_BINS, bin_of, shares
from forgetting.memory_map.page_style import CSS

FILE = "map.html"
NUM_DOCUMENTS = 200


@dataclass(frozen=True)
class MappedRow:
    """One document: its row, and of each of its T mapped tokens the characters, score and whether taught."""

    row: Row
    start_T: np.ndarray
    end_T: np.ndarray
    score_T: np.ndarray
    taught_T: np.ndarray

    @property
    def flagged_share(self) -> float:
        """The share of the taught tokens at or above the threshold."""
        return float((self.score_T[self.taught_T] >= THRESHOLD).sum() / max(self.taught_T.sum(), 1))


def write_page(folder: Path, corpus: PackedCorpus) -> Path:
    """Write `folder/map.html` from the map in `folder`, whole or not at all; returns its path.

    Shows the first `NUM_DOCUMENTS` different texts of the corpus, those with the most memory first.
    """
    score_ST = MemoryMap.load(folder).score_ST.numpy()
    columns = corpus.sequences().with_format("numpy")[: len(score_ST)]
    taught_ST = columns["labels"] != IGNORED
    documents = sorted(
        _documents(columns, score_ST, corpus.rows()), key=lambda found: -found.flagged_share
    )
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>The memory map</title><style>{CSS}</style></head>\n<body>"
        f"{_header(score_ST[taught_ST], len(documents))}<main>{''.join(map(_card, documents))}</main>"
        "</body></html>\n"
    )
    path = folder / FILE
    partial = path.with_name(FILE + ".tmp")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, path)
    return path


def _documents(
    columns: dict[str, np.ndarray], score_ST: np.ndarray, rows: Sequence[Row]
) -> Iterator[MappedRow]:
    """The first different texts, in the order of the corpus. A long row's sequences are put together."""
    row_ST = columns["row"]
    seen: set[tuple[str, str]] = set()
    for number in np.unique(row_ST[row_ST >= 0]):
        row = rows[number]
        text = prompt_of(row), joined_text(row)
        if text in seen:
            continue
        seen.add(text)
        own_ST = (row_ST == number) & (
            columns["end"] > columns["start"]
        )  # not the end-of-text token
        start_T, end_T = columns["start"][own_ST], columns["end"][own_ST]
        order = np.lexsort((end_T, start_T))
        taught_T = columns["labels"][own_ST] != IGNORED
        yield MappedRow(row, start_T[order], end_T[order], score_ST[own_ST][order], taught_T[order])
        if len(seen) == NUM_DOCUMENTS:
            return


def _header(score_N: np.ndarray, num_documents: int) -> str:
    """What the colours mean, and how many of the N taught tokens have each."""
    flagged = (score_N >= THRESHOLD).mean() if len(score_N) else 0.0
    found = shares(score_N)
    bins = "".join(
        f'<tr><th scope="row"><span class="b{n}">{n / NUM_BINS:.1f}–{(n + 1) / NUM_BINS:.1f}</span></th>'
        f"<td>{share:.1%}</td>"
        f'<td class="bar"><div style="width:{share / max(found.max(), 1e-9):.1%}"></div></td></tr>'
        for n, share in enumerate(found)
    )
    return (
        "<header><h1>What the memory map calls memory</h1>"
        f"<p><b>{flagged:.1%}</b> of the taught tokens have a score of {THRESHOLD} or more and count as"
        " memory: they are underlined. Pale text is a prompt, which isn’t taught. Point at a token for"
        f" its score. Below are the corpus’ first {num_documents} different texts, those with the most"
        " memory first.</p>"
        "<table><caption>Scores of all taught tokens, as often as they recur</caption>"
        f"<tbody>{bins}</tbody></table></header>"
    )


def _card(document: MappedRow) -> str:
    num_taught = int(document.taught_T.sum())
    tokens = "token" if num_taught == 1 else "tokens"
    return (
        f"<article><h2>{escape(str(document.row.get('id', '')))} <small>{document.flagged_share:.0%} of"
        f" {num_taught} taught {tokens}</small></h2><p>{''.join(_spans(document))}</p></article>\n"
    )


def _spans(document: MappedRow) -> Iterator[str]:
    """The text up to the last mapped token; each character is told once, with its first token."""
    text, told = joined_text(document.row), len(prompt_of(document.row))
    if told:
        yield f"<i>{escape(text[:told])}</i>"
    for start, end, score in zip(document.start_T, document.end_T, document.score_T, strict=True):
        if end <= told:
            continue
        yield escape(text[told : max(start, told)])
        shown, number = escape(text[max(start, told) : end]), int(bin_of(score))
        told = end
        # The lowest bin, most of a corpus, goes without a mark.
        yield f'<span class="b{number}" title="{score:.2f}">{shown}</span>' if number else shown
