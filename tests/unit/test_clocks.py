"""A clock that goes back, and files from the future: nothing is lost by it, and nothing stops."""

import os
import time

import numpy as np
from PIL import Image

from sceneshift.run import contents as comparing
from sceneshift.run.contents import contents
from sceneshift.run.plan import PlannedJob
from sceneshift.run.recovery import changed_outputs
from sceneshift.runtime.progress import Progress, last_progress, progress_file
from sceneshift.stages.translate import translate

HOUR = 3600


def test_progress_and_time_left_follow_another_clock(tmp_path, monkeypatch):
    now = [time.time()]
    monkeypatch.setattr("time.time", lambda: now[0])
    with Progress("training", 1000, beside=tmp_path / "a.h5") as progress:
        progress.advance(10)
        now[0] -= HOUR
        progress.advance(10)
        assert progress.rate > 0
        assert progress.seconds_left >= 0
        assert last_progress(progress_file(tmp_path / "a.h5")).seconds_left is None  # as the work began


def test_a_photo_that_is_replaced_by_an_older_one_is_seen(tmp_path):
    photo = tmp_path / "photos" / "a.jpg"
    photo.parent.mkdir()
    photo.write_bytes(b"\xff\xd8\xff one")
    before = contents(str(photo.parent))
    photo.write_bytes(b"\xff\xd8\xff two")
    os.utime(photo, (time.time() - HOUR,) * 2)
    comparing._digest.cache_clear()
    assert contents(str(photo.parent)) != before


def test_files_of_jobs_that_ended_in_the_future_were_not_changed(tmp_path):
    ended = time.time() + HOUR  # the clock has gone back since
    (tmp_path / "a.npz").touch()
    os.utime(tmp_path / "a.npz", (ended, ended))
    job = PlannedJob("a", True, tmp_path / "log", tmp_path / "tsv", [tmp_path / "a.npz"])
    assert changed_outputs([("fit_boundary", [job])], lambda output: ended) == ([], False)


def test_a_photo_from_the_future_is_translated_again(make_translator, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(np.full((24, 32, 3), 90, np.uint8)).save(tmp_path / "in" / name)
    translator = make_translator()
    assert translate(translator, tmp_path / "in", tmp_path / "out").count == 3
    os.utime(tmp_path / "in" / "a.png", (time.time() + HOUR,) * 2)
    assert translate(translator, tmp_path / "in", tmp_path / "out") == (1, [], 2)
