"""Locks between processes, also where the file system has none."""

import errno
import fcntl

import pytest

from sceneshift.runtime.locks import NoLocksError, lock


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / "lock"
    held = lock(path)
    assert lock(path) is lock(path, shared=True) is None
    held.close()
    with lock(path, shared=True) as first, lock(path, shared=True) as second:
        assert first
        assert second
        assert lock(path) is None
    assert lock(path)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named_with_the_remedy(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(NoLocksError, match=rf"{tmp_path}.*no file locks.*local disk"):
        lock(tmp_path / "lock")
