"""A worker's threads share few heaps."""

import platform
import subprocess
import sys

import pytest

from temporal_worker.heaps import HEAPS

THREADS = 12
# A heap of glibc beside the first begins at a multiple of 64 MiB.
COUNT = f"""
import ctypes, threading
from temporal_worker.heaps import keep_few_heaps
{{call}}
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
together = threading.Barrier({THREADS} + 1)
def allocate():
    libc.malloc(100_000)
    together.wait()
    together.wait()
for _ in range({THREADS}):
    threading.Thread(target=allocate).start()
together.wait()
begins = [int(line.split("-")[0], 16) for line in open("/proc/self/maps")]
print(sum(not begin % 2**26 for begin in begins))
together.wait()
"""


def heaps_beside_the_first(call: str) -> int:
    made = subprocess.run([sys.executable, "-c", COUNT.format(call=call)], capture_output=True, text=True, check=True)
    return int(made.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="There are heaps for each thread in glibc only.")
def test_threads_share_few_heaps() -> None:
    assert heaps_beside_the_first("") >= HEAPS, "Otherwise there is nothing to be kept small."
    assert heaps_beside_the_first("keep_few_heaps()") < HEAPS
