"""Which facts are taught again, and which are asked then."""

import math
from collections import defaultdict

from core.corpus.components import Components


def halves(names: dict[str, set[str]]) -> dict[str, str]:
    """The half of each subject: those that share a name are in the same one.

    Who learns that Napoleon Bonaparte ruled France knows it of Napoleon I, too, and remembers nothing for it.
    The largest groups come first, each into the half that has fewer.
    """
    subjects = sorted(names, key=lambda subject: (subject.lower(), subject))
    groups = Components([1] * len(subjects))
    by_name: dict[str, list[int]] = defaultdict(list)
    for number, subject in enumerate(subjects):
        for name in {subject.lower(), *names[subject]}:
            by_name[name].append(number)
    for together in by_name.values():
        groups.join(together, math.inf)
    members: dict[int, list[int]] = defaultdict(list)
    for number in range(len(subjects)):
        members[groups.root(number)].append(number)
    half: dict[str, list[str]] = {"a": [], "b": []}
    for own in sorted(members.values(), key=lambda own: (-len(own), own)):
        min(half.values(), key=len).extend(subjects[number] for number in own)
    return {subject: name for name, own in half.items() for subject in own}
