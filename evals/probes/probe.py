"""Probes: the questions put to every arm, read from JSON lines and checked row by row."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import cycle
from pathlib import Path
from typing import Any

from core.corpus.script import composed
from core.errors import UserError, nearest
from evals.probes.rows import end_of_line, read_rows, text_of, texts_of

AXES = ("recall", "verbatim", "knowledge", "open_book", "reasoning", "arithmetic", "language")
MEMORY_AXES = ("recall", "verbatim")
# Closed-book too, but of what a pretrained teacher brought along, which no control is free of.
KNOWLEDGE = "knowledge"
SKILL_AXES = ("reasoning", "arithmetic", "language")  # their texts state no fact

STATEMENT, CHOICE = "statement", "choice"  # forms that mean something here; others are just names

# Below this many probes, the share of a family's commonest answer says little about guessing.
MIN_FAMILY_FOR_CHANCE = 20


class NotThereYet(UserError):
    """Probes that a later stage finds."""


@dataclass(frozen=True)
class Probe:
    """One question, of which any of `answers` is right.

    An answer follows the prompt as words follow each other in its script: after one space, or at once.

    Attributes:
        id: its own name in the file.
        axis: what it asks for, one of `AXES`.
        family: probes of one kind, such as all capitals.
        prompt: the text that is given.
        answers: the right ones.
        choices: right and wrong ones; of the form `choice` they are compared by likelihood.
        fact: what it asks about, if several probes ask about the same.
        half: `a` or `b`: of the facts, split in two for the relearning attack.
        chance: the accuracy of a guess, in [0, 1].
        form: `statement`, or another phrasing of a memory, which only the rephrasing attack asks.
    """

    id: str
    axis: str
    family: str
    prompt: str
    answers: tuple[str, ...]
    choices: tuple[str, ...] = ()
    fact: str | None = None
    half: str | None = None
    chance: float | None = None
    form: str = STATEMENT


def of_axes(probes: Iterable[Probe], *axes: str) -> list[Probe]:
    """Pick the probes of some axes, without other phrasings.

    Args:
        probes: of any axes.
        *axes: those that are wanted.

    Returns:
        The probes of the form `statement`, in their order.
    """
    return [probe for probe in probes if probe.axis in axes and probe.form == STATEMENT]


def read_probes(path: str | Path) -> list[Probe]:
    """Read a JSON-lines file of probes, and `complete` them.

    Args:
        path: the file.

    Returns:
        The probes, in the file's order.

    Raises:
        UserError: a row isn't a probe, or its id was used before; file and line are named.
    """
    probes: list[Probe] = []
    seen: dict[str, str] = {}
    for where, row in read_rows(path):
        probe = parse_probe(row, where)
        if probe.id in seen:
            raise UserError(
                f"{where}: id '{probe.id}' was used at {seen[probe.id]}; give each probe its own"
            )
        seen[probe.id] = where
        probes.append(probe)
    return complete(probes)


def parse_probe(row: dict[str, Any], where: str) -> Probe:
    """Turn one row into a `Probe`.

    White space around answers and choices, and a space at the end of the prompt, don't count, nor does the
    normal form in which an answer, a choice, a fact or a family is spelled. A line break or a tab with which
    all answers begin goes to the prompt.

    Args:
        row: an object with the fields of `Probe`.
        where: such as `file:line`; it opens the error's message.

    Returns:
        The probe, with `half` and `chance` as far as they are given.

    Raises:
        UserError: a field is missing, empty, unknown or of another type.
    """
    if not isinstance(row, dict):
        raise UserError(f"{where}: a probe is a JSON object, not a {type(row).__name__}")
    known = [field.name for field in fields(Probe)]
    for name in row:
        if name not in known:
            raise UserError(f"{where}: unknown field '{name}'{nearest(name, known)}")
    for name in ("id", "axis", "family", "prompt"):
        text_of(row, name, where)
    row = {"form": STATEMENT, **{name: value for name, value in row.items() if value is not None}}
    for name in {"fact", "half", "form"} & set(row):
        text_of(row, name, where)
    for name in {"family", "fact"} & set(row):
        row[name] = composed(row[name])
    no_choices = row.get("choices") in (None, [])
    choices = () if no_choices else _spelled_once(texts_of(row, "choices", where))
    answers = _spelled_once(texts_of(row, "answers", where), as_in=choices)
    _check_kind(row, where)
    _check_chance(row.get("chance"), where)
    if row["form"] == CHOICE and not choices:
        raise UserError(f"{where}: form '{CHOICE}' needs choices; list them")
    for answer in answers if choices else ():
        if answer not in choices:
            raise UserError(
                f"{where}: answer '{answer}' is not among choices{nearest(answer, choices)}"
            )
    prompt = end_of_line(row["prompt"]) + _break_before(row["answers"])
    return Probe(**{**row, "prompt": prompt, "answers": answers, "choices": choices})


def _check_kind(row: dict[str, Any], where: str) -> None:
    """Raise UserError for an axis, family, form or half that can't be."""
    if row["axis"] not in AXES:
        raise UserError(
            f"{where}: unknown axis '{row['axis']}'{nearest(row['axis'], AXES)}"
            f" (axis is one of {', '.join(AXES)})"
        )
    for name in ("family", "form"):
        if row[name] == "all":
            raise UserError(f"{where}: {name} 'all' stands for a mean; use another name")
    if row["form"] != STATEMENT and row["axis"] not in MEMORY_AXES:
        raise UserError(
            f"{where}: form '{row['form']}' is for {' and '.join(MEMORY_AXES)} probes; leave it out"
        )
    if row.get("half", "a") not in ("a", "b"):
        raise UserError(f"{where}: half is 'a' or 'b', not '{row['half']}'")


def _check_chance(chance: Any, where: str) -> None:
    """Raise UserError for what is no share."""
    if chance is None:
        return
    if isinstance(chance, bool) or not isinstance(chance, int | float):
        raise UserError(f"{where}: chance must be a number, not {json.dumps(chance)}")
    if not 0 <= chance <= 1:
        raise UserError(f"{where}: chance is a share between 0 and 1, not {chance}")


def _break_before(answers: Sequence[str]) -> str:
    """The white space with which all answers begin, if it is more than spaces."""
    found = {text[: len(text) - len(text.lstrip())] for text in answers}
    space = found.pop()
    return space if not found and space.strip(" ") else ""


def _spelled_once(texts: Iterable[str], as_in: Iterable[str] = ()) -> tuple[str, ...]:
    """Strip texts, and tell those apart that differ by more than Unicode's normal form.

    Args:
        texts: in any normal form, such as `Café` with its accent apart.
        as_in: stripped texts, whose spelling is taken where they say the same.

    Returns:
        Each text once, in the order and the characters in which it comes first.
    """
    spelling = {composed(text): text for text in as_in}
    found = [text.strip() for text in texts]
    return tuple(dict.fromkeys(spelling.setdefault(composed(text), text) for text in found))


def complete(probes: Iterable[Probe]) -> list[Probe]:
    """Fill in the `half` of memory probes and the `chance` of all, where they aren't given.

    Halves alternate over the sorted facts, so that all probes of a fact fall in the same one. Chance is the
    share of right choices. Without choices it is, for a recall family of some size, the share of its
    commonest answer (what always saying that would score), form by form; else 0.

    Args:
        probes: as they were parsed.

    Returns:
        The completed probes, in their order.

    Raises:
        UserError: the probes of one fact are given different halves.
    """
    probes = list(probes)
    halves = _halves(probes)
    chances = _guessing(probes)
    completed = []
    for probe in probes:
        half, chance = probe.half, probe.chance
        if probe.axis in MEMORY_AXES:
            half = halves[_fact(probe)]
        if chance is None and probe.choices:
            chance = len(set(probe.answers)) / len(set(probe.choices))
        elif chance is None:
            chance = chances.get(_group(probe), 0.0) if probe.axis == "recall" else 0.0
        completed.append(replace(probe, half=half, chance=chance))
    return completed


def _fact(probe: Probe) -> str:
    return probe.fact or probe.id


def _halves(probes: list[Probe]) -> dict[str, str]:
    memory = [probe for probe in probes if probe.axis in MEMORY_AXES]
    halves: dict[str, str] = {}
    for probe in memory:
        if probe.half and halves.setdefault(_fact(probe), probe.half) != probe.half:
            raise UserError(
                f"probe '{probe.id}': its fact '{_fact(probe)}' is in half a and in half b;"
                " give all probes of a fact the same half"
            )
    unassigned = sorted({_fact(probe) for probe in memory} - halves.keys())
    return halves | dict(zip(unassigned, cycle("ab"), strict=False))


def _group(probe: Probe) -> tuple[str, str]:
    return probe.family, probe.form


def _guessing(probes: list[Probe]) -> dict[tuple[str, str], float]:
    """By recall family and form: the share of probes that the commonest answer gets right."""
    sizes: Counter[tuple[str, str]] = Counter()
    hits: dict[tuple[str, str], Counter[str]] = {}
    for probe in probes:
        if probe.axis == "recall":
            sizes[_group(probe)] += 1
            hits.setdefault(_group(probe), Counter()).update(set(probe.answers))
    return {
        group: max(hits[group].values()) / size
        for group, size in sizes.items()
        if size >= MIN_FAMILY_FOR_CHANCE
    }
