"""The morning's report: what was learned, stored, dropped and kept, on the console and as a page."""

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from core.runs.console import console

PAGE = "morning.html"
NUM_SHOWN = 8
LONGEST = 400  # characters of a stored text on the page; the store has the whole
STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere}td,th{padding:.2em 1em .2em 0;text-align:left}"
)


def lines_of(record: Mapping[str, Any]) -> list[str]:
    """The report in a few lines."""
    evening, morning = record["variety"]["evening"], record["variety"]["morning"]
    kept = "kept" if record["kept"] else f"not kept: {record['why']}"
    lines = [
        f"learned: {_count(record['learned'])}, in {record['steps']:,} steps with "
        f"{record['variants']:,} variants",
        f"stored: {_count(record['stored'])} · dropped: {_count(record['dropped'])}",
        f"diversity: {evening['diversity']:.3f} → {morning['diversity']:.3f}, "
        f"{morning['families']:.0f} kinds of line",
        f"the core of the morning: {kept}",
    ]
    if audit := record.get("audit"):  # empty where nothing was stored
        told = ", ".join(f"{name} {was:.1%} → {now:.1%}" for name, (was, now) in audit.items())
        lines.append(f"memory tokens that the core predicts: {told}")
    return lines


def _count(rows: Sequence[Any]) -> str:
    return f"{len(rows):,} row" + "s" * (len(rows) != 1)


def show_morning(record: Mapping[str, Any], number: int) -> None:
    """Print the report, with a few of the dreams."""
    console.print(f"the morning after night {number}", style="bold")
    for line in lines_of(record):
        console.print(f"  {line}")
    for dream in record["shown"][:NUM_SHOWN]:
        console.print(f"  · {dream}", style="dim")


def write_page(folder: Path, record: Mapping[str, Any], name: str) -> None:
    """Write the report as a page, whole or not at all."""
    gains = [
        f"<tr><td>{escape(form)}</td><td>{out:.2f}</td><td>{own:.2f}</td></tr>"
        for form, (out, own) in record["gains"].items()
    ]
    table = (
        "<p>Nats a token that the rows of a form gain from the other rows, and from their own.</p>"
        "<table><tr><th>form</th><th>others</th><th>own</th></tr>" + "\n".join(gains) + "</table>"
    )
    stored = [_shortened(f"{one['id']}: {one['text']}") for one in record["stored"]]
    sections = {
        "What generalizes": table if gains else "",
        "Dreams": _texts(record["shown"]),
        "Stored": _texts(stored),
    }
    parts = [
        f"<h1>The morning after night {escape(name)}</h1><ul>",
        *(f"<li>{escape(line)}</li>" for line in lines_of(record)),
        "</ul>",
        *(f"<h2>{head}</h2>{body}" for head, body in sections.items() if body),
    ]
    page = f'<!doctype html><meta charset="utf-8"><title>Night {escape(name)}</title><style>{STYLE}</style>'
    part = folder / f"{PAGE}.part"
    part.write_text(page + "\n".join(parts), encoding="utf-8")
    os.replace(part, folder / PAGE)


def _texts(lines: Sequence[str]) -> str:
    return f"<pre>{escape(chr(10).join(lines))}</pre>" if lines else ""


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
