"""Facts as triples with templates, in the form of LRE, made into closed-book probes.

Hernandez et al., "Linearity of Relation Decoding in Transformer Language Models" (arXiv 2308.09124).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from core.corpus.script import composed, joined
from core.errors import UserError, nearest
from evals.probes.probe import CHOICE, STATEMENT, Probe, complete
from evals.probes.rows import end_of_line, read_rows, text_of, texts_of

FIELDS = ("relation", "subject", "object", "templates", "question_templates", "kind")
BLANK = "{}"  # where a template has the subject
MAX_CHOICES = 32  # of more objects a relation is no multiple choice


@dataclass
class _Fact:
    """What is so of a subject; of several objects (who played for two clubs) each is right."""

    where: str  # file and line
    relation: str
    subject: str
    kind: str | None
    statement: str
    phrasings: list[tuple[str, str]]  # form and prompt of the others
    objects: list[str]

    @property
    def name(self) -> str:
        return f"{self.relation}: {self.subject}"


def read_relations(
    path: str | Path,
    *,
    kinds: Sequence[str] | None = None,
    relations: Sequence[str] | None = None,
    num_facts: int | None = None,
    num_shown: int = 0,
    seed: int = 0,
) -> list[Probe]:
    """Read rows `{"relation", "subject", "object", "templates", "question_templates"?, "kind"?}` as recall
    probes, a family a relation; and `complete` them.

    The first template asks for the fact; the others are phrasings of the form `paraphrase`, the question
    templates of the form `question`, and where a relation has few objects they are `choices` to the first.
    Two spellings of a name that differ in Unicode's normal form alone are one name.
    Each template has the subject at its `{}` and ends where the object follows. `kinds` and `relations` are
    those to ask for (all), of which `num_facts` (all) are drawn by `seed`; what a guess scores is taken from
    all of the relation's facts. Each prompt begins with `num_shown` other facts of its relation, told in the
    same words, a line each. Raises `UserError`, naming file, line and field, on the first bad row.
    """
    facts = _read_facts(path)
    for name, wanted in (("kind", kinds), ("relation", relations)):
        if wanted is not None:
            known = {getattr(fact, name) for fact in facts}
            for value in wanted:
                if value not in known:
                    there = sorted(filter(None, known))
                    hint = nearest(value, there) or f"; it has {', '.join(there) or f'no {name}s'}"
                    raise UserError(f"probes.{name}s: {path} has no row of {name} '{value}'{hint}")
            facts = [fact for fact in facts if getattr(fact, name) in wanted]
    probes = complete(_shown_first(list(_probes(facts)), num_shown))
    if num_facts is None or num_facts >= len(facts):
        return probes
    if num_facts < 1:
        raise UserError(f"probes.num_facts must be 1 or more, not {num_facts}")
    drawn = set(Random(f"{seed}/relations").sample([fact.name for fact in facts], num_facts))
    return [probe for probe in probes if probe.fact in drawn]


def _shown_first(probes: Sequence[Probe], num_shown: int) -> list[Probe]:
    """Put other facts of the same relation, told in the same words, before each prompt."""
    if num_shown < 0:
        raise UserError(f"probes.num_shown must be 0 or more, not {num_shown}")
    alike: dict[tuple[str, str], list[Probe]] = {}
    for probe in probes:
        alike.setdefault((probe.family, _way(probe)), []).append(probe)
    prompts = []
    for probe in probes:
        first = alike[probe.family, _way(probe)][: num_shown + 1]
        others = [other for other in first if other is not probe][:num_shown]
        lines = [joined([other.prompt, other.answers[0]]) for other in others]
        prompts.append("\n".join([*lines, probe.prompt]))
    return [replace(probe, prompt=p) for probe, p in zip(probes, prompts, strict=True)]


def _way(probe: Probe) -> str:
    """A probe's form and its number among the phrasings, from the end of its id."""
    return probe.id.removeprefix(probe.fact or "")


def _read_facts(path: str | Path) -> list[_Fact]:
    facts: dict[tuple[str, str], _Fact] = {}
    spelling: dict[tuple[str, str], str] = {}  # of a relation's objects, as they come first
    for where, row in read_rows(path):
        fact = _parse(row, where)
        [said] = fact.objects
        fact.objects = [spelling.setdefault((fact.relation, composed(said)), said)]
        known = facts.setdefault((fact.relation, composed(fact.subject)), fact)
        if known is not fact and fact.objects[0] not in known.objects:
            known.objects += fact.objects
    _refuse_doubles(facts.values())
    return list(facts.values())


def _refuse_doubles(facts: Iterable[_Fact]) -> None:
    """Raise UserError where two facts have one name: `a: b` of `c`, and `a` of `b: c`."""
    seen: dict[str, _Fact] = {}
    for fact in facts:
        other = seen.setdefault(composed(fact.name), fact)
        if other is not fact:
            raise UserError(
                f"{fact.where}: relation '{fact.relation}' of '{fact.subject}' has the id of relation"
                f" '{other.relation}' of '{other.subject}' at {other.where}; rename one"
            )


def _parse(row: Any, where: str) -> _Fact:
    if not isinstance(row, dict):
        raise UserError(f"{where}: a fact is a JSON object, not a {type(row).__name__}")
    for name in row:
        if name not in FIELDS:
            raise UserError(f"{where}: unknown field '{name}'{nearest(name, FIELDS)}")
    relation, subject, said = (text_of(row, name, where) for name in FIELDS[:3])
    if relation == "all":
        raise UserError(f"{where}: relation 'all' stands for a mean; use another name")
    statement, *paraphrases = _prompts(row, "templates", subject, where)
    asked = row.get("question_templates")
    questions = _prompts(row, "question_templates", subject, where) if asked else []
    kind = None if row.get("kind") is None else text_of(row, "kind", where)
    forms = dict.fromkeys(paraphrases, "paraphrase") | dict.fromkeys(questions, "question")
    others = [(form, prompt) for prompt, form in forms.items() if prompt != statement]
    return _Fact(where, composed(relation), subject, kind, statement, others, [said.strip()])


def _prompts(row: dict[str, Any], name: str, subject: str, where: str) -> list[str]:
    templates = texts_of(row, name, where)
    for template in templates:
        if template.count(BLANK) != 1:
            raise UserError(
                f"{where}: an item of {name} needs one {BLANK} for the subject: '{template}'"
            )
    return [end_of_line(template.replace(BLANK, subject)) for template in templates]


def _probes(facts: Sequence[_Fact]) -> Iterator[Probe]:
    objects: dict[str, dict[str, None]] = {}  # by relation, in the order of their rows
    for fact in facts:
        objects.setdefault(fact.relation, {}).update(dict.fromkeys(fact.objects))
    for fact in facts:
        phrasings = [(STATEMENT, fact.statement), *fact.phrasings]
        choices = tuple(objects[fact.relation])
        if 1 < len(choices) <= MAX_CHOICES:
            phrasings.append((CHOICE, fact.statement))
        for number, (form, prompt) in enumerate(phrasings):
            yield Probe(
                id=f"{fact.name} ({form} {number})" if number else fact.name,
                axis="recall",
                family=fact.relation,
                prompt=prompt,
                answers=tuple(fact.objects),
                choices=choices if form == CHOICE else (),
                fact=fact.name,
                form=form,
            )
