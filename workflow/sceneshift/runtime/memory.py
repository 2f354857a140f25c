"""Keep freed memory for the next tensor instead of giving it back to the system."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


def keep_freed_memory() -> None:
    """Let glibc reuse large blocks: fresh ones cost a page fault every 4 KB, up to half of a CPU training's time.

    Blocks up to 32 MB (the largest threshold glibc takes) stay with the process. Elsewhere than on glibc: no effect.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_MMAP_THRESHOLD, 32 << 20)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
