"""The report: one self-contained page that says what was kept and what was forgotten."""

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from evals.probes.probe import AXES, KNOWLEDGE
from evals.report.answers import Samples, answers
from evals.report.console import COLUMNS, HIGHLIGHTED, MORE, column_of
from evals.report.curves import curves_of, draw_curves
from evals.report.frontier import draw_frontier
from evals.report.judgement import Records, draw_training, draw_values
from evals.report.judgement_tables import judgement_html
from evals.report.memories import memories, worst_attacks
from evals.report.missed import NOTE, TITLE, missed_html
from evals.report.misses import Missed
from evals.report.night_curves import draw_nights
from evals.report.nights import Lives, nights_html
from evals.report.style import CSS
from evals.report.tables import columns_table, not_measured, section
from evals.report.times import NOTE as TIMES_NOTE
from evals.report.times import TITLE as TIMES_TITLE
from evals.report.times import Times, times_html
from evals.scores import Score, find, kept, plus_minus, worst_relearned, write_atomically
from evals.verdict import CONTROLS, caveats, deciding, verdicts

INK = "#222222"


def write_report(
    path: str | Path,
    *,
    scores: Sequence[Score],
    samples_by_arm: Samples,
    manifest: Mapping[str, Any],
    map_examples: Sequence[Mapping[str, Any]],
    missed: Sequence[Missed] = (),
    times: Times | None = None,
    nights: Lives = (),
    judgement: Records | None = None,
) -> None:
    """Write the page, whole or not at all.

    `samples_by_arm`: what `evaluate_model` returns. `manifest`: what it takes to reproduce the
    run. `map_examples`: `{"tokens": [{"text", "score"}], "source"}`, scores in [0, 1]. `missed`: what a
    core that kept memories still recalls. `times`: what its stages took. `nights`: the records of lives;
    `judgement`: its own. What wasn't measured is shown as missing or left out.
    """
    title = _title(scores)
    sections = [
        f"<h1>{escape(title)}</h1>{_in_words(scores)}",
        _drawn(
            draw_frontier,
            scores,
            "Recall left against reasoning kept, one mark an arm, with standard errors",
        ),
        section("The verdict", _VERDICT_NOTE, _verdicts(scores)),
        section(TITLE, NOTE, missed_html(missed)),
        section("Every arm", _ARMS_NOTE, _arms_table(scores)),
        section("Reasoning by family", "Tasks solved, per cent.", _families_table(scores)),
        section("Memory, asked in other ways", _MEMORY_NOTE, memories(scores)),
        section("Under attack", _ATTACKS_NOTE, _attacks(scores)),
        nights_html(nights, _nights(nights)),
        section("Judgement", _JUDGEMENT_NOTE, _judgement(judgement or {})),
        section("The same prompts, side by side", _ANSWERS_NOTE, answers(samples_by_arm)),
        section("The memory map", _MAP_NOTE, _memory_map(map_examples, scores)),
        section("How to reproduce this", "", _manifest(manifest)),
        section(TIMES_TITLE, TIMES_NOTE, times_html(times or {})),
    ]
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head>\n"
        f"<body>{''.join(sections)}</body></html>\n"
    )
    write_atomically(path, lambda part: part.write_text(page, encoding="utf-8"))


_ARMS_NOTE = (
    "Per cent ± standard error. Of recall, leak@20 (the right answer among 20 samples), verbatim"
    " and the two attacks less is better; of the rest, more. Half b relearned: the most that came"
    " back of facts not taught again while the other half was."
)
_VERDICT_NOTE = (
    "Kept: it recalls more than the controls that never saw the facts. Hidden: not until an attack"
    " or its samples, likelihoods or hidden states bring it back. Broken: reading or reasoning is lost too."
    " Forgotten: none of these."
)
_ATTACKS_NOTE = (
    "What was hidden rather than forgotten comes back when a model is taught half a of the facts and asked"
    " for half b, or when it is rounded, tuned on something else, sampled, distracted or asked otherwise."
)
_MEMORY_NOTE = (
    "Per cent (bits as they are) ± standard error; less is better, but more of what is abstained from,"
    " answered wrongly or far from the text (edit distance). Compare with the controls, never exposed,"
    " rebound or stranger, and with chance: a guess isn’t 0."
)
_FRONTIER_LABEL = "Recall left against reasoning kept, one mark an arm, with standard errors"
_JUDGEMENT_NOTE = (
    "How fast a student learns to solve problems when every token of its own solutions is graded, and what a"
    " value read from its hidden states knows, before the end, of how a solution will come out. Feelings are"
    " simpler values: its likelihood so far, its entropy, and its least likely token."
)
_ANSWERS_NOTE = "✓ right, ✗ wrong; of facts and passages, wrong is what a core is meant to be."
_MAP_QUESTIONS = (
    ("recall", "Of the memorized tokens that the teacher has learned, found"),
    ("precision", "Of the tokens that it flags, memorized"),
    ("skill_flagged", "Of the answers to skill tasks, wrongly flagged"),
)
_MAP_NOTE = "The stronger the colour, the more of the token is memory (point at one for its score)."


def _title(scores: Sequence[Score]) -> str:
    parts = _kept(scores)
    if parts:
        return f"The core kept {' and '.join(parts)}".replace("%", "\u00a0%")
    if not _is_measured(scores, HIGHLIGHTED):
        return "Winnow: a report without a core"
    if not _is_measured(scores, "teacher"):
        return "Winnow: a core without its teacher"
    return "Winnow: the teacher knows no more than a guess"


def _is_measured(scores: Sequence[Score], arm: str) -> bool:
    return any(find(scores, arm, axis) for axis in ("recall", "reasoning"))


def _kept(scores: Sequence[Score]) -> list[str]:
    """What the core kept of what its teacher has above chance, where that has anything."""
    reasoning, recall = kept(scores, HIGHLIGHTED, "reasoning"), kept(scores, HIGHLIGHTED, "recall")
    return [
        f"{_share(found[0])} {what}"
        for found, what in ((reasoning, "its teacher’s reasoning"), (recall, "its recall"))
        if found
    ]


def _share(value: float) -> str:
    """A share in per cent. From 100 on it is told as all: a teacher near a guess is no measure."""
    return "all of" if value >= 1 else f"{max(0.0, value):.0%} of"


def _in_words(scores: Sequence[Score]) -> str:
    """The core beside its teacher, its fair control and a guess, a sentence for each question."""
    control = next((a for a in CONTROLS if find(scores, a, "recall")), None)
    arms = [HIGHLIGHTED, "teacher", *([control] if control else [])]
    questions: tuple[tuple[str, Callable[[str], Score | None]], ...] = (
        ("Facts it answers without being told", lambda arm: find(scores, arm, "recall")),
        ("Passages it recites", lambda arm: find(scores, arm, "verbatim")),
        ("Facts it reads off its prompt", lambda arm: find(scores, arm, "open_book")),
        ("Reasoning tasks it solves", lambda arm: find(scores, arm, "reasoning")),
        ("Facts that come back when others are taught", lambda arm: worst_relearned(scores, arm)),
    )
    lines = []
    for question, score_of in questions:
        own = score_of(HIGHLIGHTED)
        if own is None:
            continue
        said = [(arm, score_of(arm)) for arm in arms[1:]]
        others = [f"{arm.replace('_', ' ')} {100 * s.value:.1f}\u00a0%" for arm, s in said if s]
        others.append(f"a guess {100 * (own.chance or 0):.1f}\u00a0%")
        lines.append(
            f"<li>{question}: <b>{100 * own.value:.1f}&nbsp;%</b>"
            f"{plus_minus(own.stderr, 1, 100, '&nbsp;±&nbsp;')}"
            f' <span class="soft">({escape(", ".join(others))})</span></li>'
        )
    if not lines:
        return ""
    told = {1: "This share is", 2: "Both shares are"}.get(len(_kept(scores)))
    note = f"{told} above chance: what a guess gets right isn’t counted as kept." if told else ""
    return f'<p class="soft">{note}</p><ul>{"".join(lines)}</ul>'


def _drawn(draw: Callable[..., None], scores: Any, label: str, kind: str = "square") -> str:
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.svg"
        draw(scores, picture, ink=INK)
        svg = picture.read_text(encoding="utf-8")
    # Inline, without its prolog, with an ink that follows the page's light or dark.
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return f'<figure class="{kind}">{svg}<figcaption>{label}.</figcaption></figure>\n'


def _nights(records: Lives) -> str:
    label = "What a core can do on each morning, by way to live"
    return _drawn(draw_nights, records, label, "curves") if records else ""


def _judgement(records: Records) -> str:
    """The two pictures and the tables; nothing where nothing was measured."""
    if not any(records.values()):
        return ""
    parts = []
    if records["training"]:
        label = "Problems solved against student tokens, four ways to learn, with standard errors"
        parts.append(_drawn(draw_training, records, label, "curves"))
    if records["example"]:
        label = "The value along a right and a wrong solution of one problem"
        parts.append(_drawn(draw_values, records, label, "curves"))
    return "".join([*parts, judgement_html(records)])


def _verdicts(scores: Sequence[Score]) -> str:
    """The verdict on each arm, with the evidence that decided it or came nearest to."""
    rows, found = "", verdicts(scores)
    for arm, told in found.items():
        said = escape(deciding(told))
        kind = f' class="{arm}"' if arm == HIGHLIGHTED else ""
        rows += (
            f'<tr{kind}><th scope="row">{escape(arm.replace("_", " "))}</th>'
            f'<td class="said"><b>{told["verdict"]}</b></td><td class="said">{said}</td></tr>'
        )
    notes = "".join(f'<p class="soft">{escape(line)}</p>' for line in caveats(found))
    return f'<div class="wide"><table><tbody>{rows}</tbody></table></div>{notes}' if rows else ""


def _arms_table(scores: Sequence[Score]) -> str:
    attacked = column_of("4-bit verbatim", "quantize_4bit", "verbatim")
    table = columns_table(scores, [*COLUMNS, attacked])
    more = columns_table(scores, MORE)
    if more:  # apart, so that neither is wider than the page
        table += f"<h3>What it kept of its own</h3>{more}"
    there = {score.axis for score in scores}
    absent = [a for a in AXES if a not in there and a != KNOWLEDGE]
    return table + not_measured(absent) if table else ""


def _families_table(scores: Sequence[Score]) -> str:
    families = sorted({s.family for s in scores if s.axis == "reasoning"} - {"all"})
    return columns_table(
        scores, [column_of(family.replace("_", " "), "reasoning", family) for family in families]
    )


def _attacks(scores: Sequence[Score]) -> str:
    if not scores:
        return ""
    parts = [worst_attacks(scores)]
    if curves_of(scores):
        parts.append(
            _drawn(
                draw_curves,
                scores,
                "What each arm recalls as an attack goes on, with standard errors",
                "curves",
            )
        )
    for axis, title in (
        ("relearn_disjoint", "Half b, not taught again"),
        ("relearn_direct", "Half a, taught again"),
    ):
        steps = sorted({s.step for s in scores if s.axis == axis and s.step is not None})
        if steps:
            columns = [column_of(f"{step} steps", axis, step=step) for step in steps]
            parts.append(f"<h3>{title}, by step</h3>{columns_table(scores, columns)}")
    return "".join(parts)


def _memory_map(examples: Sequence[Mapping[str, Any]], scores: Sequence[Score]) -> str:
    found = {score.metric: score for score in scores if score.arm == "memory_map"}
    cards = [
        f"<p>{question}: <b>{100 * found[metric].value:.1f}&nbsp;%</b> of {found[metric].n:,}</p>"
        for metric, question in _MAP_QUESTIONS
        if metric in found
    ]
    for example in examples:
        tokens = "".join(
            f'<span style="--score:{token["score"]:.2f}" title="{token["score"]:.2f}">'
            f"{escape(token['text'])}</span>"
            for token in example["tokens"]
        )
        source = escape(str(example["source"]))
        cards.append(
            f'<div class="card"><small>{source}</small><p class="tokens">{tokens}</p></div>'
        )
    return "".join(cards)


def _manifest(manifest: Mapping[str, Any]) -> str:
    rows = ""
    for name, value in manifest.items():
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        rows += f"<dt>{escape(str(name))}</dt><dd><code>{escape(text)}</code></dd>"
    return f'<dl class="facts">{rows}</dl>' if rows else ""
