"""How varied a core writes: a night that narrows it beyond a bound isn't kept."""

from collections import Counter
from collections.abc import Collection, Sequence
from math import log
from statistics import fmean

from core.night.forms import opening_of
from core.writing.diversity import diversity


def variety(lines: Sequence[str], kinds: Collection[str]) -> dict[str, float]:
    """Measure lines that a core wrote; `kinds` are the first words of lines that it is known to write.

    `diversity`, from 0 to 1, is the mean of three shares: of three words in a row those that are different
    (`distinct_3`), of what stands behind the last sign those that are (`distinct_answers`), and how evenly
    the known kinds are written (`evenness`: their entropy over that of equal shares). Beside them
    `families`, the kinds that are written at all, and `rarest`, the share of the one that is written least.
    """
    measured = diversity(lines)
    answers = [_answer(line) for line in lines]
    counts = Counter(opening_of(line) for line in lines)
    known = {kind: counts[kind] for kind in kinds}
    total = sum(known.values())
    shares = [count / total for count in known.values()] if total else []
    entropy = -sum(share * log(share) for share in shares if share)
    found = {
        **measured,
        "distinct_answers": len(set(answers)) / len(answers) if answers else 0.0,
        "evenness": entropy / log(len(known)) if len(known) > 1 else float(bool(total)),
        "families": float(sum(count > 0 for count in known.values())),
        "rarest": min(shares, default=0.0),
    }
    parts = (found.get("distinct_3", 0.0), found["distinct_answers"], found["evenness"])
    return {**found, "diversity": fmean(parts)}


def _answer(line: str) -> str:
    """What a line ends with: behind its last arrow or colon, or else its last three words."""
    for sign in ("=>", ":"):
        if sign in line:
            return line.rpartition(sign)[2].strip()
    return " ".join(line.split()[-3:])
