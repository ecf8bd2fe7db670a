"""What more text costs: time in proportion to it, and no more memory."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
NUM_DOCUMENTS, WORDS_EACH, LENGTH, BATCH = 3_000, 40, 128, 8
GROWTH = (1, 4, 16)
VERBS = ("corpus", "teach", "cache", "distill")
SETTINGS = [
    *(
        "corpus=jsonl",
        "variants.deduplication=exact",
        f"packing.sequence_length={LENGTH}",
        "arm=plain",
    ),
    *("teacher.model.hidden_size=32", "teacher.model.intermediate_size=64"),
    *("forgetting=[]", "distill.signal=cached", "cache.top_k=16", "watch.every=0"),
    *("teacher.train.num_steps=1", "distill.train.save_steps=1000000"),
    f"distill.train.batch_size={BATCH}",
]


def write_text(path: Path, num_documents: int) -> None:
    """Documents of random words, about a token each."""
    rng = Random(0)
    words = [f"{rng.choice('bdfgklmnprst')}{rng.choice('aeiou')}{i % 40:x}n" for i in range(400)]
    with path.open("w") as file:
        for number in range(num_documents):
            text = " ".join(rng.choices(words, k=WORDS_EACH)) + "."
            file.write(json.dumps({"id": str(number), "text": text, "source": "text"}) + "\n")


def cost_of(verb: str, *options: object) -> tuple[float, float]:
    """Seconds and peak bytes of a command line in a process of its own."""
    command = [sys.executable, "-m", "core.cli", verb, *SETTINGS, *map(str, options)]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return time.perf_counter() - began, 1024 * used.ru_maxrss


def test_cost_grows_with_the_text(record, tmp_path: Path):
    """Of each verb: how much longer the last three quarters of the text take than what came before says.

    1 is proportional. Starting takes seconds that don't grow, so growth is compared with growth.
    """
    seconds: dict[str, list[float]] = {verb: [] for verb in VERBS}
    peaks: dict[str, list[float]] = {verb: [] for verb in VERBS}
    for factor in GROWTH:
        corpus, run = tmp_path / f"{factor}.jsonl", f"run={factor}"
        write_text(corpus, factor * NUM_DOCUMENTS)
        where = (f"corpus.path={corpus}", f"runs_dir={tmp_path}", run)
        num_steps = factor * NUM_DOCUMENTS * WORDS_EACH // (LENGTH * BATCH)
        for verb in VERBS:
            taken, peak = cost_of(verb, *where, f"distill.train.num_steps={num_steps}")
            seconds[verb].append(taken)
            peaks[verb].append(peak)
    few, some, many = GROWTH
    for verb in VERBS:
        if verb == "teach":
            continue  # one step, whatever there is to read
        first, second, third = seconds[verb]
        expected = (second - first) * (many - some) / (some - few)
        record(f"cost_time_growth_{verb}", (third - second) / expected, "1 = linear", n=1)
        grown = peaks[verb][2] / peaks[verb][0]
        record(f"cost_memory_growth_{verb}", grown, "1 = flat", n=1)
        assert grown < 1.5, f"{verb} holds the text in memory"
