"""Progress in a log: few lines, with figures. In its file: the newest line last, few lines, whatever happens."""

import json

import pytest

from sceneshift.runtime import progress as module
from sceneshift.runtime.progress import Progress, last_progress, progress_file


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_a_log_gets_one_line_at_the_end_with_figures(capsys):
    with Progress("synthesizing", total=1000, initial=200) as progress:
        for _ in range(8):
            progress.advance(100, "shard 3")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("synthesizing: 1,000 of 1,000 images, ")
    assert line.endswith("shard 3")


def test_long_work_says_every_minute_where_it_is(capsys, clock):
    with Progress("training", total=1000) as progress:
        for _ in range(5):
            clock[0] += 40
            progress.advance(100)
        assert len(capsys.readouterr().err.splitlines()) == 2  # after 80 and 160 seconds


def test_the_rate_is_that_of_this_process(clock):
    with Progress("training", total=1000, initial=500) as progress:
        clock[0] = 10
        progress.advance(100)
        assert progress.rate == 10
        assert progress.seconds_left == 40


def test_the_file_says_where_the_work_is_and_goes_when_it_is_done(tmp_path, clock):
    out = tmp_path / "0003.h5"
    with Progress("synthesizing", total=1000, beside=out) as progress:
        assert last_progress(progress_file(out)).done == 0
        for _ in range(100):  # every second, but a line every few
            clock[0] += 1
            progress.advance(5, "shard 3")
        lines = progress_file(out).read_text().splitlines()
        assert 10 < len(lines) < 30
        newest = last_progress(progress_file(out))
        assert newest.total == 1000
        assert newest.per_second == 5
        assert newest.note == "shard 3"
        assert newest.seconds_left == (1000 - newest.done) / 5
    assert list(tmp_path.iterdir()) == []


def test_failed_work_leaves_how_far_it_came(tmp_path):
    out = tmp_path / "0003.h5"
    progress = Progress("synthesizing", total=1000, beside=out)
    progress.advance(300)
    progress.__exit__(ZeroDivisionError)
    assert last_progress(progress_file(out)).done == 300


def test_a_resumed_training_goes_on_in_its_file_behind_a_line_cut_by_a_kill(tmp_path):
    file = tmp_path / "progress.jsonl"
    with Progress("training", total=1000, folder=tmp_path) as progress:
        progress.advance(400)
    file.write_text(file.read_text() + '{"label": "trai')
    assert last_progress(file).done == 400
    with Progress("training", total=1000, initial=400, folder=tmp_path) as progress:
        progress.advance(600)
    assert [json.loads(line)["done"] for line in file.read_text().splitlines()] == [0, 400, 400, 1000]
    with Progress("another training", total=10, folder=tmp_path):
        assert len(file.read_text().splitlines()) == 1


def test_the_file_stays_small(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(module, "LINES", 20)
    with Progress("training", total=10_000, folder=tmp_path) as progress:
        for _ in range(500):
            clock[0] += 6
            progress.advance(1)
            assert len((tmp_path / "progress.jsonl").read_text().splitlines()) <= 20
        assert last_progress(tmp_path / "progress.jsonl").done == 500


def test_a_file_that_cannot_be_written_does_not_end_the_work(tmp_path, capsys):
    (tmp_path / "folder").write_text("a file")
    with Progress("training", total=10, folder=tmp_path / "folder") as progress:
        progress.advance(10)
    assert "no more progress in" in capsys.readouterr().err
