"""Freed memory is kept until it is given back, unless the environment says otherwise."""

import os
import subprocess
import sys

import pytest

TOLD = """
import ctypes, os
from core.runs.memory import keep_freed
def faults():
    import resource
    block = ctypes.create_string_buffer(2**26)  # 64 MB, each page written
    del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
keep_freed()
first = faults()
print(faults() - first < 1000)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library is glibc's")
@pytest.mark.parametrize(
    ("own", "kept"), [({}, "True"), ({"MALLOC_TRIM_THRESHOLD_": "0"}, "False")]
)
def test_a_large_block_is_faulted_in_once(own: dict[str, str], kept: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", TOLD], capture_output=True, text=True, env={**os.environ, **own}
    )
    assert ran.stdout.strip() == kept, ran.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library is glibc's")
def test_what_was_kept_can_be_given_back() -> None:
    given = TOLD.replace("import keep_freed", "import give_back, keep_freed").replace(
        "first = faults()", "first = faults(); give_back()"
    )
    ran = subprocess.run([sys.executable, "-c", given], capture_output=True, text=True)
    assert ran.stdout.strip() == "False", ran.stderr
