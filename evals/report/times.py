"""Where a run's time went: what each stage took, as its artifacts tell."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from core.runs.artifacts import MARK, PARTIAL, read_mark
from evals.report.tables import table

# By the folder of a run that it writes, in the order of the work: all that `winnow run` makes.
STAGES = {
    "corpus": "corpus",
    "teacher": "teach",
    "teacher_cache": "cache",
    "own_probes": "probes",
    "memory_map": "map",
    "scorers": "map, each scorer by itself",
    "arms": "distill",
    "evals": "eval",
    "lm_eval": "eval, tasks of lm-eval",
    "lookup": "eval, with the store",
    "attacks": "attack",
    "values": "value",
    "judgement": "eval, of its value",
    "lives": "nights",
}
# Each folder in them is of an arm, of a scorer or of a way to live.
OF_ARMS = (
    *("values", "judgement", "arms", "evals", "lm_eval", "lookup", "attacks"),
    *("scorers", "lives"),
)
TITLE = "Where its time went"
NOTE = (
    "Minutes of each stage, also where it was interrupted and gone on with. Stages that ran side by side add"
    " up to more than the run took."
)

Times = Mapping[str, Mapping[str, float]]  # by folder and arm (empty where there is none), seconds


def stage_times(runs: Sequence[Path]) -> Times:
    """The time that each stage took, summed over these runs for the same stage and arm.

    Raises UserError for a damaged artifact. Artifacts from before times were recorded are left out.
    """
    times: dict[str, dict[str, float]] = {}
    for run in runs:
        for stage in STAGES:
            for mark in sorted((run / stage).rglob(MARK)):
                place = mark.parent.relative_to(run).parts
                seconds = read_mark(mark.parent).get("seconds")
                if seconds is None or any(part.endswith(PARTIAL) for part in place):
                    continue
                arm = place[1] if stage in OF_ARMS else ""
                own = times.setdefault(stage, {})
                own[arm] = own.get(arm, 0.0) + float(seconds)
    return times


def times_html(times: Times) -> str:
    """A row a stage: minutes, share of all, and of which arm how many, the longest first."""
    whole = sum(sum(own.values()) for own in times.values())
    if not whole:
        return ""
    rows = []
    for stage, own in times.items():
        seconds = sum(own.values())
        arms = sorted((arm for arm in own if arm), key=lambda arm: -own[arm])
        told = ", ".join(f"{arm.replace('_', ' ')} {_minutes(own[arm])}" for arm in arms)
        cells = [_minutes(seconds), f"{100 * seconds / whole:.0f}\u00a0%", escape(told)]
        rows.append((STAGES[stage], cells))
    rows.append(("all", [_minutes(whole), "", ""]))
    return table(["stage", "minutes", "share", "of which"], rows)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"
