"""The core of a corpus of your own, from Python: facts to forget, a skill to keep, and probes of both.

    python examples/own_corpus.py FOLDER

Writes C.jsonl and P.jsonl into FOLDER, runs every stage on them, and prints what each arm recalls and can do.
More overrides follow the folder: `distill.train.num_steps=400`.
"""

import itertools
import json
import sys
from pathlib import Path

import winnow

CAPITALS = {"Bergland": "Lund", "Fenmark": "Ostra", "Quoria": "Tellin"}
CAPITALS |= {"Sarvia": "Mesk", "Ullern": "Pavia", "Westria": "Kolm"}
LETTERS = "abcdefgh"


def write(path: Path, rows: list[dict]) -> None:
    """A row a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def corpus() -> list[dict]:
    """Documents that tell each fact, eight times over, and items of a skill that never recur."""
    facts = [
        {"source": "facts", "text": f"The capital of {land} is {city}. {city} rules {land}."}
        for land, city in CAPITALS.items()
    ]
    items = [
        {"source": "skills", "prompt": f"Twice: {a} {b} =>", "completion": f"{a} {b} {a} {b}"}
        for a, b in itertools.permutations(LETTERS, 2)
    ]
    return [{"id": str(number), **row} for number, row in enumerate(facts * 8 + items)]


def probes() -> list[dict]:
    """What must go, and what must stay."""
    asked = [
        ("recall", "capital", f"The capital of {land} is", city) for land, city in CAPITALS.items()
    ]
    asked += [("reasoning", "twice", f"Twice: {a} {a} =>", f"{a} {a} {a} {a}") for a in LETTERS]
    return [
        {"id": str(n), "axis": axis, "family": family, "prompt": prompt, "answers": [answer]}
        for n, (axis, family, prompt, answer) in enumerate(asked)
    ]


if __name__ == "__main__":
    folder, *more = sys.argv[1:] or sys.exit(__doc__)
    Path(folder).mkdir(parents=True, exist_ok=True)
    write(Path(folder) / "C.jsonl", corpus())
    write(Path(folder) / "P.jsonl", probes())
    run = winnow.Run(
        *("experiment=tiny", "corpus=jsonl", "probes=jsonl", "corpus.memory_sources=[facts]"),
        *(f"corpus.path={folder}/C.jsonl", f"probes.path={folder}/P.jsonl"),
        *(
            f"runs_dir={folder}",
            "run=capitals",
            "arms=[plain,core,never_exposed,deduplicated]",
            *more,
        ),
    )
    for score in run.run():
        if score.family == "all" and score.metric == "accuracy" and score.step is None:
            print(f"{score.arm:15} {score.axis:10} {score.value:.0%}")
