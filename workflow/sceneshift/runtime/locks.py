"""Locks between processes: flock on a file. The kernel frees a lock when its holder dies, however it dies."""

import errno
import fcntl
from pathlib import Path
from typing import IO

from sceneshift.runtime.errors import SceneshiftError

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class NoLocksError(SceneshiftError):
    """The file system has no locks, as some mounts of NFS and Lustre."""


def lock(path: Path | str, shared: bool = False, wait: bool = False) -> IO[str] | None:
    """Lock a file until what is returned is closed or the process ends. None: another process has it (and no `wait`).

    shared: a lock that excludes only those that are not shared; the file must exist, else it is created
    Raises NoLocksError where the file system has no locks.
    """
    file = open(path, "r" if shared else "a")  # noqa: SIM115  (held by the caller)
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        file.close()
        return None
    except OSError as error:
        file.close()
        if error.errno not in _NO_LOCKS:
            raise
        raise NoLocksError(
            f"{path}: this file system has no file locks ({error.strerror}). Mount it with them (Lustre: -o flock; NFS:"
            " with its lock daemon), or use a folder on a local disk."
        ) from error
    return file
