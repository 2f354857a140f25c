"""Files appear whole or not at all."""

import contextlib
import errno
import functools
import multiprocessing
import os

import pytest

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_directory, atomic_file, inside, sha256_of

atomic_directory_again = functools.partial(atomic_directory, holding=("a", "b", "x"))  # over an earlier one


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
    with atomic_directory(folder, ["old"]) as temporary:
        (temporary / "new").touch()
        assert os.listdir(folder) == ["old"]
    assert os.listdir(folder) == ["new"]
    assert os.listdir(tmp_path) == ["f"]


def test_what_a_folder_holds_besides_is_not_lost(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    for name in ("old", ".snakemake_timestamp", "old.set-aside", "diary.txt"):
        (folder / name).write_text(name)
    with (
        pytest.raises(SceneshiftError, match=r"f is not empty: diary\.txt would be lost"),
        atomic_directory(folder, ["old"]),
    ):
        pytest.fail("the work began")
    assert (folder / "diary.txt").read_text() == "diary.txt"
    (folder / "diary.txt").unlink()
    with atomic_directory(folder, ["old"]):
        pass
    assert os.listdir(folder) == []


def test_a_failed_folder_leaves_the_old_one(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(StoppedError), atomic_directory(folder, ["old"]) as temporary:
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
        (OSError(errno.EIO, "Input/output error"), "disk or the network drive failed"),
        (OSError(errno.EMFILE, "Too many open files"), r"ulimit -n"),
        (OSError(errno.ESTALE, "Stale file handle"), "mount it again"),
        (OSError("Can't write data (file write failed: errno = 28, error message = 'No space')"), "disk is full"),
    ],
)
def test_what_the_user_can_mend_names_the_path(tmp_path, atomic, error, says):
    with pytest.raises(SceneshiftError, match=says) as refusal, atomic(tmp_path / "a"):
        raise error
    assert str(tmp_path / "a") in str(refusal.value)
    assert os.listdir(tmp_path) == []


def test_another_file_that_failed_on_the_way_is_named(tmp_path):
    with (
        pytest.raises(SceneshiftError, match=r"Cannot write .*/a: /data/in.h5: no permission"),
        atomic_file(tmp_path / "a"),
    ):
        raise OSError(errno.EACCES, "Permission denied", "/data/in.h5")


@pytest.mark.parametrize("atomic", [atomic_file, atomic_directory_again])
def test_names_may_be_as_long_as_the_file_system_allows(tmp_path, atomic):
    names = ["a" * 255, "b" * 250 + ".jpg", "c." + "d" * 253, "ü" * 127, "x" + "中" * 84]
    for name in names * 2:  # the second time over the old one
        with atomic(tmp_path / name) as temporary:
            (temporary / "x" if temporary.is_dir() else temporary).write_text("whole")
    with pytest.raises(SceneshiftError, match="name is too long"), atomic(tmp_path / ("a" * 256)):
        pass
    assert sorted(os.listdir(tmp_path)) == sorted(names)


@pytest.mark.parametrize("atomic", [atomic_file, atomic_directory])
def test_a_file_where_a_folder_is_needed_is_named_before_the_work(tmp_path, atomic):
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(SceneshiftError, match="a file is there where a folder is needed"),
        atomic(tmp_path / "file/out"),
    ):
        pytest.fail("the work began")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_is_not_replaced_by_a_folder(tmp_path):
    (tmp_path / "f").write_text("mine")
    with pytest.raises(SceneshiftError, match="a file is there"), atomic_directory(tmp_path / "f"):
        pytest.fail("the work began")
    assert (tmp_path / "f").read_text() == "mine"


def test_the_old_folder_is_there_until_the_new_one_is(tmp_path, monkeypatch):
    folder, replace = tmp_path / "f", os.replace
    folder.mkdir()
    (folder / "old").touch()

    def fails(source, target):
        if "new" in os.listdir(source):
            raise OSError(errno.EIO, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(SceneshiftError, match="failed"), atomic_directory(folder, ["old"]) as temporary:
        (temporary / "new").touch()
    assert os.listdir(folder) == ["old"]
    assert os.listdir(tmp_path) == ["f"]


def test_all_that_a_folder_holds_is_on_disk_before_it_is_in_place(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: flushed.append(os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
    )
    with atomic_directory(tmp_path / "f") as temporary:
        (temporary / "a").mkdir()
        (temporary / "a" / "b").write_text("b")
    assert {"a", "b", temporary.name} <= set(flushed)


def write_again_and_again(path, atomic, letter):
    for _ in range(100):
        with atomic(path) as temporary:
            files = [temporary / "a", temporary / "b"] if temporary.is_dir() else [temporary]
            for file in files:
                file.write_text(letter * 10_000)


@pytest.mark.parametrize("atomic", [atomic_file, atomic_directory_again])
def test_of_two_writers_of_one_output_one_is_whole(tmp_path, atomic):
    context = multiprocessing.get_context("fork")
    path = tmp_path / "out"
    files = [path] if atomic is atomic_file else [path / "a", path / "b"]
    writers = [context.Process(target=write_again_and_again, args=(path, atomic, letter)) for letter in "xy"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        for file in files:
            with contextlib.suppress(FileNotFoundError):  # a folder is replaced in two steps
                text = file.read_text()
                assert text == text[0] * 10_000
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert {file.read_text() for file in files} in ({"x" * 10_000}, {"y" * 10_000})
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("name", ["a.jpg", "a/b.jpg", "..a", "a/..b/c", "~", " "])
def test_a_name_that_stays_inside_becomes_a_path(tmp_path, name):
    assert inside(tmp_path, name, "photos.h5") == tmp_path / name


@pytest.mark.parametrize("name", ["", "..", "../x", "a/../../x", "/etc/passwd", "a/..", ".", "a\0b"])
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    with pytest.raises(SceneshiftError, match=r"photos\.h5 names a file"):
        inside(tmp_path, name, "photos.h5")


def test_other_errors_come_through_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "a"):
        (tmp_path / "missing").read_text()


def test_sha256_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
