"""How many heaps the C library keeps for this process."""

import ctypes
from contextlib import suppress

HEAPS = 2
_M_ARENA_MAX = -8
"""``malloc.h`` of glibc."""


def keep_few_heaps() -> None:
    """Lets all threads share two heaps; to be called before there are any. Nothing happens where there is no glibc.

    A worker has some twenty threads of the SDK's core and its own. glibc would give each a heap, what one thread frees
    stays in the heap of another, and the process grows for hours. Python holds its lock while it allocates, so that sharing
    costs it nothing.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, HEAPS)
