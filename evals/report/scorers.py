"""Each way to find memories by itself, against the corpus's truth."""

from collections.abc import Sequence

from evals.scores import MAP, Score, find, plus_minus

HEADS = {
    "auroc": "AUROC",
    "recall": "recall",
    "precision": "precision",
    "skill_flagged": "skill tokens flagged (%)",
    "teacher_passes": "teacher passes",
}


def scorer_table(scores: Sequence[Score]) -> str:
    """A row a scorer in Markdown, the best AUROC first."""
    names = {score.arm for score in scores if score.axis == MAP and score.arm != "memory_map"}

    def value(name: str, metric: str) -> float:
        found = find(scores, name, MAP, metric=metric)
        return found.value if found else 0.0

    lines = [["scorer", *HEADS.values()], ["---", *["---:"] * len(HEADS)]]
    for name in sorted(names, key=lambda name: -value(name, "auroc")):
        lines.append([name, *(_cell(find(scores, name, MAP, metric=m)) for m in HEADS)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(score: Score | None) -> str:
    if score is None:
        return "–"
    if score.metric == "teacher_passes":
        return f"{score.value:.1f}"
    scale, digits = (100, 2) if score.metric == "skill_flagged" else (1, 3)
    return f"{scale * score.value:.{digits}f}{plus_minus(score.stderr, digits, scale)}"
