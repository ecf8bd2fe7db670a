"""What the page shows of memory besides recall: a column a metric, and a column an attack at its worst."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evals.probes.probe import MEMORY_AXES
from evals.report.console import Column, column_of
from evals.report.tables import columns_table, not_measured
from evals.scores import Score


@dataclass(frozen=True)
class _Metric:
    """A score of `evals/metrics`; of one with numbers, such as `exact_match@0.25`, `name` ends in @."""

    name: str
    head: str  # {} for the numbers
    choice: str  # of `metric`
    scale: float = 100.0


_METRICS = (
    _Metric("abstained", "abstained from", "abstention"),
    _Metric("wrong", "answered wrongly", "abstention"),
    _Metric("extraction_strength", "extraction strength", "recitation"),
    _Metric("exact_match@", "recited after {:.0%}", "recitation"),
    _Metric("edit_distance@", "edit distance after {:.0%}", "recitation"),
    _Metric("sampled_leak@", "among {} real samples", "sampling"),
    _Metric("extractable@", "extractable, n, p = {}", "extraction"),
    _Metric("stored_bits", "stored bits a fact", "stored_bits", scale=1.0),
    _Metric("membership_auroc", "Min-K%++ AUROC", "membership"),
    _Metric("linear_probe_top1", "found by a linear probe", "linear_probe"),
)
_ATTACKS = {  # by axis: choice of `attack` and head
    "relearn_disjoint": ("relearn", "half b, half a taught again"),
    "quantize_8bit": ("quantize", "8-bit weights"),
    "quantize_4bit": ("quantize", "4-bit weights"),
    "benign": ("benign", "tuned on reasoning alone"),
    "sampling": ("sampling", "among {} samples"),
    "distractor": ("distractor", "behind a distraction"),
    "rephrase": ("rephrase", "asked as {}"),
}  # what is taught directly (relearn_direct) comes back to any model: it has a table by step
_WORST_NOTE = "The most that came back in any step of an attack, per cent ± standard error."


def memories(scores: Sequence[Score]) -> str:
    """The memorization metrics, of facts and of passages, and which of them nobody measured."""
    parts = [
        f"<h3>{title}</h3>{table}"
        for title, axis in (("Facts", "recall"), ("Passages", "verbatim"))
        if (table := columns_table(scores, memory_columns(scores, axis)))
    ]
    if scores:
        parts.append(not_measured(metrics_missing(scores), "metric"))
    return "".join(parts)


def worst_attacks(scores: Sequence[Score]) -> str:
    """Each attack at its worst, and which attacks nobody made."""
    shown = columns_table(scores, attack_columns(scores))
    note = f'<p class="soft">{_WORST_NOTE}</p>' if shown else ""
    return note + shown + (not_measured(attacks_missing(scores), "attack") if scores else "")


def memory_columns(scores: Sequence[Score], axis: str) -> list[Column]:
    """A column for each memory metric that was measured on that axis (`recall` or `verbatim`)."""
    names = dict.fromkeys(s.metric for s in scores if s.axis == axis and s.family == "all")
    columns = []
    for metric in _METRICS:
        for name in sorted(name for name in names if _is(metric, name)):
            number = name.partition("@")[2]
            shown = float(number) if "{:.0%}" in metric.head else number.replace(",", ", ")
            head = metric.head.format(shown).replace("%", "\u00a0%") if number else metric.head
            columns.append(column_of(head, axis, metric=name, scale=metric.scale))
    return columns


def metrics_missing(scores: Sequence[Score]) -> list[str]:
    """The choices of `metric` that left no scores."""
    there = {score.metric for score in scores}
    found = {m.choice for m in _METRICS if any(_is(m, name) for name in there)}
    return [name for name in dict.fromkeys(m.choice for m in _METRICS) if name not in found]


def _is(metric: _Metric, name: str) -> bool:
    return name.startswith(metric.name) if metric.name.endswith("@") else name == metric.name


def attack_columns(scores: Sequence[Score]) -> list[Column]:
    """A column for each attack and kind of memory: the most that came back, at whichever step."""
    kinds: dict[tuple[str, str], None] = {}
    for axis in _ATTACKS:  # in this order
        own = [s for s in scores if s.axis == axis and not s.higher_is_better]
        families = sorted({s.family for s in own})
        whole = ["all"] if "all" in families else families
        kinds.update(dict.fromkeys((axis, family) for family in whole))
    return [Column(_attack_head(scores, *kind), _worst(*kind)) for kind in kinds]


def attacks_missing(scores: Sequence[Score]) -> list[str]:
    """Choices of `attack` that left no scores."""
    there = {score.axis for score in scores}
    found = {choice for axis, (choice, _) in _ATTACKS.items() if axis in there}
    return [name for name in dict.fromkeys(c for c, _ in _ATTACKS.values()) if name not in found]


def _attack_head(scores: Sequence[Score], axis: str, family: str) -> str:
    head = _ATTACKS[axis][1]
    if axis == "rephrase":
        return head.format(family.replace("_", " "))
    if axis == "sampling":
        head = head.format(max(s.step or 0 for s in scores if s.axis == axis))
    kind = dict(zip(MEMORY_AXES, ("facts", "passages"), strict=True)).get(family)
    return f"{head}: {kind}" if kind else head


def _worst(axis: str, family: str) -> Callable[[Sequence[Score], str], Score | None]:
    def score(scores: Sequence[Score], arm: str) -> Score | None:
        own = [s for s in scores if (s.arm, s.axis, s.family) == (arm, axis, family)]
        attacked = [s for s in own if s.step != 0]
        return max(attacked, key=lambda s: s.value, default=None)

    return score
