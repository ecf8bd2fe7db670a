"""One process, or several that `accelerate launch` or `torchrun` started together."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelerate import PartialState


def are_several() -> bool:
    """Whether this process has others beside it."""
    return os.environ.get("WORLD_SIZE", "1") != "1"


def is_main() -> bool:
    """Return True in the process that writes the shared files and prints."""
    return os.environ.get("RANK", "0") == "0"


def join() -> None:
    """Prepare for working together, before anything else: on a CPU accelerate has to be told."""
    import torch

    if not torch.accelerator.is_available():
        os.environ.setdefault("ACCELERATE_USE_CPU", "true")


def state() -> "PartialState":
    """Which of the processes this is (`process_index` of `num_processes`), and the `device` it has."""
    import torch
    from accelerate import PartialState  # heavy to import

    # Not told that there is only a CPU, accelerate takes each process for the only one.
    return PartialState(cpu=not torch.accelerator.is_available())


def agreed(value: Any) -> Any:
    """The main process's value, in every process: measured apart, it might differ."""
    if not are_several():
        return value
    from accelerate.utils import broadcast_object_list

    state()
    return broadcast_object_list([value])[0]


def wait() -> None:
    """Wait until every process is here."""
    if are_several():
        state().wait_for_everyone()
