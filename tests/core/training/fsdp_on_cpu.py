"""The command line under FSDP2 on CPUs. Torch can; accelerate grants it to accelerators alone.

Says how much of the teacher a process holds.
"""

import sys
from typing import Any

from accelerate import Accelerator
from accelerate.state import AcceleratorState, DistributedType
from transformers import PreTrainedModel

from core.cli.main import main
from core.training import sharded

initialize, share_out = AcceleratorState.__init__, sharded.share_out


def grant(self: AcceleratorState, *args: Any, **settings: Any) -> None:
    """Do on CPUs what accelerate does on accelerators with the plugin that the launcher has asked for."""
    initialize(self, *args, **settings)
    if self.distributed_type == DistributedType.MULTI_CPU and settings.get("fsdp_plugin"):
        self.distributed_type = DistributedType.FSDP
        self.fsdp_plugin = settings["fsdp_plugin"]


def share_out_aloud(model: PreTrainedModel, accelerator: Accelerator) -> None:
    """Share it out and tell the share."""
    share_out(model, accelerator)
    weights = list(model.parameters())
    held = sum(weight.to_local().numel() for weight in weights)
    print(f"holds {held / sum(weight.numel() for weight in weights):.0%} of the teacher")


if __name__ == "__main__":
    AcceleratorState.__init__ = grant  # type: ignore[method-assign]
    sharded.share_out = share_out_aloud
    sys.exit(main())
