"""One process, or several that `accelerate launch` or `torchrun` started together."""

import os


def are_several() -> bool:
    """Whether this process has others beside it."""
    return os.environ.get("WORLD_SIZE", "1") != "1"


def is_main() -> bool:
    """Whether this is the process that writes what all of them share, and talks."""
    return os.environ.get("RANK", "0") == "0"


def join() -> None:
    """Prepare for working together, before anything else: on a CPU accelerate has to be told."""
    import torch

    if not torch.accelerator.is_available():
        os.environ.setdefault("ACCELERATE_USE_CPU", "true")


def wait() -> None:
    """Wait until every process is here."""
    if are_several():
        from accelerate import PartialState  # heavy to import, and only needed here

        PartialState().wait_for_everyone()
