"""The tables of judgement: tokens to the teacher's accuracy, feeling beside head, decoding, attack."""

from collections.abc import Mapping, Sequence
from typing import Any

from evals.judgement.curves import SHARE, tokens_to_reach
from evals.judgement.measure import PARTS
from evals.judgement.ranks import mean_of
from evals.judgement.watch import INSIDE, LONGER
from evals.report.console import MISSING
from evals.report.judgement import Records
from evals.report.tables import table

Row = Mapping[str, Any]


def judgement_html(records: Records) -> str:
    """All tables that there are records for."""
    parts = (_training(records), _values(records), _decoding(records), _attack(records))
    return "".join(parts)


def _training(records: Records) -> str:
    """By way to learn: the tokens until 90 % of the teacher's accuracy, and the last accuracies."""
    rows = records["training"]
    methods = dict.fromkeys(row["method"] for row in rows if row["method"] != "teacher")
    body = []
    for method in methods:
        seeds = dict.fromkeys(row["seed"] for row in rows if row["method"] == method)
        reached = []
        for seed in seeds:
            aim = next((r for r in rows if r["method"] == "teacher" and r["seed"] == seed), None)
            if aim is not None:
                least = SHARE * aim[INSIDE]
                reached.append(tokens_to_reach(rows, method, seed, INSIDE, least))
        known = [tokens for tokens in reached if tokens is not None]
        shown = _figure(known, 1, 0) if known and len(known) == len(reached) else "never"
        ends = [[r for r in rows if r["method"] == method and r["seed"] == s][-1] for s in seeds]
        cells = [shown if reached else MISSING, _figure([r["student_tokens"] for r in ends], 1, 0)]
        cells += [_figure([r[where] for r in ends], 100) for where in (INSIDE, LONGER)]
        body.append((method, cells))
    head = [
        "way to learn",
        f"tokens to {SHARE:.0%} of the teacher’s accuracy",
        "tokens",
        "inside",
        "longer",
    ]
    return _titled("Ways to learn", head, body)


def _values(records: Records) -> str:
    """Head and feelings, inside and outside, in one table."""
    rows, body = records["value"], []
    for arm, kind, where in dict.fromkeys((r["arm"], r["head"], r["where"]) for r in rows):
        own = [r for r in rows if (r["arm"], r["head"], r["where"]) == (arm, kind, where)]
        cells = [_means(own, f"auroc_{part}", 1, 3) for part in PARTS]
        cells += [_means(own, "ranking", 1, 3), _means(own, "calibration", 1, 3)]
        body.append((f"{arm}, {kind}, {where}", cells))
    head = [
        "value",
        *(f"AUROC at {part:g}" for part in PARTS),
        "ranking of steps",
        "calibration error",
    ]
    return _titled("Head and feeling", head, body)


def _decoding(records: Records) -> str:
    rows, body = records["decoding"], []
    keys = dict.fromkeys((r["arm"], r["method"], r["where"], r["solutions"]) for r in rows)
    for arm, method, where, count in keys:
        own = [
            r
            for r in rows
            if (r["arm"], r["method"], r["where"], r["solutions"]) == (arm, method, where, count)
        ]
        cells = [str(count), _means(own, "tokens", 1), _means(own, "accuracy", 100)]
        body.append((f"{arm}, {method}, {where}", cells))
    return _titled("Ways to answer", ["way", "solutions", "tokens a problem", "solved (%)"], body)


def _attack(records: Records) -> str:
    rows, body = records["attack"], []
    for arm, way in dict.fromkeys((r["arm"], r["attack"]) for r in rows):
        own = [r for r in rows if (r["arm"], r["attack"]) == (arm, way)]
        cells = [
            _means([r for r in own if r["guarded"] is guarded], "false_positives", 100)
            for guarded in (True, False)
        ]
        body.append((f"{arm}, {way}", cells))
    return _titled(
        "Texts that please", ["attack", "above the right (%)", "without the guard (%)"], body
    )


def _titled(title: str, head: Sequence[str], body: Sequence[tuple[str, Sequence[str]]]) -> str:
    return f"<h3>{title}</h3>{table(head, body)}" if body else ""


def _means(rows: Sequence[Row], name: str, scale: float, digits: int = 1) -> str:
    """The mean over seeds; of one seed with the error over problems."""
    values = [row[name] for row in rows if row.get(name) is not None]
    if len(values) == 1:
        error = next(row.get(f"{name}_stderr") for row in rows if row.get(name) is not None)
        return _shown(values[0], error, scale, digits)
    return _figure(values, scale, digits)


def _figure(values: Sequence[float], scale: float, digits: int = 1) -> str:
    found = mean_of(values)
    return MISSING if found.value is None else _shown(found.value, found.stderr, scale, digits)


def _shown(value: float, error: float | None, scale: float, digits: int) -> str:
    told = "" if error is None else f" <small>±&thinsp;{scale * error:.{digits}f}</small>"
    return f"{scale * value:,.{digits}f}{told}"
