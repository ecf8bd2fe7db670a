"""One job of a run, in a process of its own. Imported once by the server that the jobs fork from."""

import os
import signal
import traceback
from multiprocessing.connection import Connection
from typing import Any

import datasets
import torch
import transformers
from omegaconf import OmegaConf

from core.config.verbs import load_verb, verbs
from core.errors import explain
from core.runs.console import console
from core.runs.memory import keep_freed

INTERVAL = 0.2  # seconds between two reports of progress

for verb in verbs():  # their imports take seconds, which every job would spend again
    load_verb(verb)


class _Lines:
    """A file for the console that hands whole lines to the parent."""

    def __init__(self, messages: Connection):
        self.messages = messages

    def write(self, text: str) -> int:
        if text.strip():
            self.messages.send(("line", text.rstrip("\n")))
        return len(text)

    def flush(self) -> None:
        pass


def work(cfg: dict[str, Any], verb: str, messages: Connection) -> None:
    """Do one verb; progress, lines and what goes wrong are sent to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its jobs
    keep_freed()
    torch.set_num_threads(int(cfg["threads"]))
    transformers.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    console.file = _Lines(messages)  # type: ignore[assignment]
    last = 0.0

    def report(done: int, total: int, note: str) -> None:
        nonlocal last
        now = os.times().elapsed
        if now - last > INTERVAL or done == total:
            last = now
            messages.send(("progress", done, total, note))

    try:
        load_verb(verb)(OmegaConf.create(cfg), report)
    except BrokenPipeError:
        pass  # the parent is gone; what is done so far is on disk
    except Exception as error:
        line = explain(error)
        kind = "user error" if line else "bug"
        messages.send((kind, line or traceback.format_exc()))
