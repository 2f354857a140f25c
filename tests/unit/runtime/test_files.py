"""Files appear whole or not at all."""

import errno
import os

import pytest

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_directory, atomic_file, inside, sha256_of


class StoppedError(Exception):
    pass


def stop_half_way(temporary):
    (temporary / "new" if temporary.is_dir() else temporary).write_text("half")
    raise StoppedError


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "a.csv"
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.suffix == ".csv"
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert os.listdir(path.parent) == ["a.csv"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(StoppedError), atomic_file(path) as temporary:
        stop_half_way(temporary)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_files_are_readable_by_others_as_usual(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")
    with atomic_file(tmp_path / "a") as temporary:
        temporary.write_text("")
    assert (tmp_path / "a").stat().st_mode == plain.stat().st_mode


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "old").touch()
    with atomic_directory(folder) as temporary:
        (temporary / "new").touch()
        assert os.listdir(folder) == ["old"]
    assert os.listdir(folder) == ["new"]
    assert os.listdir(tmp_path) == ["f"]


def test_a_failed_folder_leaves_the_old_one(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(StoppedError), atomic_directory(folder) as temporary:
        stop_half_way(temporary)
    assert os.listdir(folder) == ["old"]
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("atomic", [atomic_file, atomic_directory])
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (OSError(errno.EACCES, "Permission denied"), "no permission"),
        (OSError(errno.EROFS, "Read-only file system"), "read-only"),
        (OSError("Can't write data (file write failed: errno = 28, error message = 'No space')"), "disk is full"),
    ],
)
def test_what_the_user_can_mend_names_the_path(tmp_path, atomic, error, says):
    with pytest.raises(SceneshiftError, match=says) as refusal, atomic(tmp_path / "a"):
        raise error
    assert str(tmp_path / "a") in str(refusal.value)
    assert os.listdir(tmp_path) == []


def test_other_errors_come_through_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "a"):
        (tmp_path / "missing").read_text()


def test_sha256_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", ".", "a\0b"])
def test_a_name_from_a_file_stays_inside(tmp_path, name):
    with pytest.raises(SceneshiftError, match=r"photos\.h5 names a file .*outside"):
        inside(tmp_path, name, "photos.h5")
    assert inside(tmp_path, "a/..b/c.png", "photos.h5") == tmp_path / "a" / "..b" / "c.png"
