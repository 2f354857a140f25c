"""The one error class meant for the person at the keyboard, and what a system's errors mean to them."""

import difflib
import errno
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor

REASONS = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EFBIG: "the file would be larger than this process may write: raise its limit (ulimit -f)",
    errno.EACCES: "no permission: mend the permissions of the file and its folder",
    errno.EPERM: "no permission: mend the permissions of the file and its folder",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EIO: "the disk or the network drive failed: check it (the system's log says more)",
    errno.ESTALE: "the network drive has lost the file: mount it again",
    errno.EMFILE: "this process may not open more files: raise its limit (ulimit -n)",
    errno.ENFILE: "the system may not open more files: end other programs",
    errno.ENAMETOOLONG: "the name is too long for the file system: choose a shorter one",
    errno.ENOTDIR: "a file is there where a folder is needed: choose another name or move the file",
    errno.EEXIST: "a file is there where a folder is needed: choose another name or move the file",
    errno.EISDIR: "a folder is there where a file is needed: choose another name or move the folder",
}
# of errors that are not MemoryError: torch's, the loader's of libraries, the system's
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "failed to map segment", "Cannot allocate memory")
NO_MEMORY = "the memory is used up: end other programs, or raise this process's limit (ulimit -v, mem_mb)"
KILLED = "a process that shared the work was killed, as systems do where memory runs out: end other programs"
# PyTorch's words, and cuDNN's and cuBLAS's own
OUT_OF_GPU_MEMORY = ("CUDA out of memory", "CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED")
NO_GPU_MEMORY = "the GPU's memory is used up: end other programs on it, or work in smaller batches"
SHOWN = 120  # names that an error lists


class SceneshiftError(Exception):
    """Something the user can mend: the message names the file or key, what was found, and what to do."""


def explanation(error: BaseException) -> str | None:
    """What an error of the system means and what to do; None for any other error."""
    if isinstance(error, BrokenExecutor):
        return KILLED
    if isinstance(error, MemoryError) or any(text in str(error) for text in OUT_OF_MEMORY):
        return NO_MEMORY
    if any(text in str(error) for text in OUT_OF_GPU_MEMORY):
        return NO_GPU_MEMORY
    if not isinstance(error, OSError):
        return None
    # h5py reports a full disk as a plain OSError whose text holds the errno
    number = error.errno or next((number for number in REASONS if f"errno = {number}," in str(error)), None)
    return REASONS.get(number)


def must_be_known(name: str, known: Sequence[str], where: str, who: str) -> None:
    """Raise SceneshiftError if `name` is not among `known`, with the nearest name and those that `who` has."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ";"
        more = ", …" if len(known) > SHOWN else ""
        raise SceneshiftError(f"{where}: found {name!r}{hint} {who}: {', '.join(known[:SHOWN])}{more}")
