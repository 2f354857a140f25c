"""Damaged files for a reader: it may read them or refuse them, and nothing else."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from sceneshift.runtime.errors import SceneshiftError

SECONDS = 5  # for one file
MEGABYTES = 300  # for all files of a reader, which are a few kilobytes each


KINDS = ("flip", "cut", "end", "swap", "repeat", "extreme")


def damaged(raw: bytes, number: int, kinds: Sequence[str] = KINDS) -> bytes:
    """The bytes with some flipped, cut out, swapped, repeated or overwritten; `number` decides which."""
    rng, new = random.Random(number), bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 5))):
        # what describes the rest stands at the beginning or the end
        place = rng.choice((rng.random(), rng.random() * 0.1, 1 - rng.random() * 0.1))
        at, length = int(place * len(new)), rng.choice((1, 2, 8, 64))
        match rng.choice(kinds):
            case "flip":
                new[at : at + 1] = bytes([new[at] ^ (1 << rng.randrange(8))]) if at < len(new) else b""
            case "cut":
                del new[at : at + length]
            case "end":
                del new[max(at, 1) :]
            case "swap":
                other = rng.randrange(len(new) or 1)
                new[at : at + length], new[other : other + length] = new[other : other + length], new[at : at + length]
            case "repeat":
                new[at:at] = new[at : at + length]
            case "extreme":
                new[at : at + length] = rng.choice((b"\x00", b"\xff", b"\x7f")) * len(new[at : at + length])
    return bytes(new)


def fuzz(file: Path, read: Callable[[Path], Any], numbers: Iterable[int], kinds: Sequence[str] = KINDS) -> int:
    """Put damaged forms of `file`, one a number, through `read`; returns how many were refused.

    Fails if anything else than SceneshiftError comes out, if one takes long, or if together they take much memory.
    """
    raw, refused = file.read_bytes(), 0
    read(file)  # whole, it is read
    before = _memory_peak(forget=True)
    for number in numbers:
        file.write_bytes(damaged(raw, number, kinds))
        start = time.process_time()
        said = file.name
        try:
            read(file)
        except SceneshiftError as error:
            refused, said = refused + 1, str(error)
        except Exception as error:
            raise AssertionError(f"damaged file number {number} made {type(error).__name__}: {error}") from error
        assert file.name in said, f"for damaged file number {number} the message does not name it: {said}"
        assert time.process_time() - start < SECONDS, f"damaged file number {number} takes too long"
    taken = _memory_peak() - before
    assert taken < MEGABYTES, f"{taken} MB were taken for files of {len(raw):,} bytes"
    return refused


def _memory_peak(forget: bool = False) -> int:
    """Most memory of this process so far, or since `forget`, in MB; Linux counts it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    if forget:
        Path("/proc/self/clear_refs").write_text("5")
    return int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024
