"""What comes from outside a run is compared by what it holds."""

import os
import shutil
import subprocess
import sys

import pytest

from sceneshift.run import contents as subject
from sceneshift.run.contents import contents, file_inputs
from sceneshift.runtime.shipped import RESOURCES

JPEG = b"\xff\xd8\xff"


@pytest.fixture
def look(tmp_path):
    """A folder of photos in classes, and its contents as a new command sees them."""
    for name in ("snowy/a.jpg", "snowy/b.jpg", "forest/c.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(JPEG + name.encode())

    def now():
        subject._digest.cache_clear()
        return contents(str(tmp_path / "photos"))

    return now


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "snowy/new.jpg").write_bytes(JPEG),
        lambda folder: (folder / "snowy/a.jpg").unlink(),
        lambda folder: (folder / "snowy/a.jpg").write_bytes(JPEG + b"another"),
        lambda folder: (folder / "snowy/a.jpg").rename(folder / "forest/a.jpg"),
        lambda folder: (folder / "snowy").rename(folder / "white"),
    ],
    ids=["added", "removed", "replaced", "moved", "renamed class"],
)
def test_a_change_below_a_subfolder_is_seen(look, tmp_path, change):
    before = look()
    change(tmp_path / "photos")
    assert look() != before


def test_a_photo_of_the_same_size_and_another_time_is_another(look, tmp_path):
    before = look()
    photo = tmp_path / "photos/snowy/a.jpg"
    photo.write_bytes(photo.read_bytes()[::-1])
    os.utime(photo, ns=(1, 1))
    assert look() != before


def test_moving_back_and_forth_copying_with_times_and_other_files_change_nothing(look, tmp_path):
    before = look()
    (tmp_path / "photos/snowy").rename(tmp_path / "away")
    (tmp_path / "away").rename(tmp_path / "photos/snowy")
    (tmp_path / "photos/snowy/notes.txt").write_text("about these")
    assert look() == before
    shutil.copytree(tmp_path / "photos", tmp_path / "copy")
    assert contents(str(tmp_path / "copy")) == before


def test_files_are_left_to_snakemake_but_for_names_that_it_reads_as_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("labels.csv", "{x}.csv", "<x>.csv"):
        (tmp_path / name).write_text("file,snow\n")
    assert file_inputs("labels.csv", None, "not/yet/there.npz") == ["labels.csv", "not/yet/there.npz"]
    assert file_inputs("folder", "{x}.csv", "<x>.csv") == []
    assert contents("labels.csv", None) == ""
    subject._digest.cache_clear()
    before = contents("{x}.csv")
    (tmp_path / "{x}.csv").write_text("file,snow,rain\n")
    subject._digest.cache_clear()
    assert contents("{x}.csv") not in (before, "")


def test_what_ships_is_compared_by_its_bytes_wherever_the_clone_lies(tmp_path, monkeypatch):
    subject._digest.cache_clear()
    shipped = RESOURCES / "sun_attributes.txt"
    assert file_inputs(str(shipped)) == []
    before = contents(str(shipped))
    clone = tmp_path / "elsewhere" / "resources"
    clone.mkdir(parents=True)
    shutil.copyfile(shipped, clone / shipped.name)
    monkeypatch.setattr(subject, "RESOURCES", clone)
    assert contents(str(clone / shipped.name)) == before
    monkeypatch.chdir(clone.parent)  # another clone than the workflow's, as for snakemake -s elsewhere/Snakefile
    monkeypatch.setattr(subject, "RESOURCES", RESOURCES)
    assert (file_inputs(f"resources/{shipped.name}"), contents(f"resources/{shipped.name}")) == ([], before)
    (clone / shipped.name).write_text("other")
    monkeypatch.setattr(subject, "RESOURCES", clone)
    subject._digest.cache_clear()
    assert contents(str(clone / shipped.name)) != before


def test_a_hundred_thousand_photos(tmp_path):
    """Listed in 9 s of CPU, on cores that ten other processes shared, and in under 1 MB: no list of them is kept."""
    for number in range(100):
        folder = tmp_path / "photos" / f"{number:02}"
        folder.mkdir(parents=True)
        for photo in range(1000):
            os.close(os.open(folder / f"{photo:03}.jpg", os.O_CREAT))
    program = (
        "import resource, sys, time; from sceneshift.run.contents import contents\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before, began = peak(), time.process_time(); contents(sys.argv[1])\n"
        "print(time.process_time() - began, peak() - before)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "photos")]
    seconds, megabytes = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    print(f"100,000 photos: {seconds:.2f} s of CPU, {megabytes:.0f} MB")
    assert seconds < 60
    assert megabytes < 50
