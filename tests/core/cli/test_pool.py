"""Jobs side by side."""

import multiprocessing as mp
import time

import pytest

from core.cli.pool import _raise_failure, _Running
from core.errors import UserError


def test_a_job_that_the_system_killed_is_told_with_the_likely_cause() -> None:
    messages, _ = mp.Pipe(duplex=False)
    job = _Running(mp.get_context("spawn").Process(target=time.sleep, args=(60,)), messages)
    job.process.start()
    job.process.kill()
    job.process.join()
    with pytest.raises(UserError, match=r"map was killed \(SIGKILL.*memory.*jobs=1.*goes on from"):
        _raise_failure("map", job)
