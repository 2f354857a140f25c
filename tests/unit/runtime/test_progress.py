"""Progress in a log: few lines, with figures."""

from sceneshift.runtime.progress import Progress


def test_a_log_gets_one_line_at_the_end_with_figures(capsys):
    with Progress("synthesising", total=1000, initial=200) as progress:
        for _ in range(8):
            progress.advance(100, "shard 3")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("synthesising: 1,000 of 1,000 images, ")
    assert line.endswith("shard 3")


def test_long_work_says_every_minute_where_it_is(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with Progress("training", total=1000) as progress:
        for _ in range(5):
            now[0] += 40
            progress.advance(100)
        assert len(capsys.readouterr().err.splitlines()) == 2  # after 80 and 160 seconds


def test_the_rate_is_that_of_this_process(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with Progress("training", total=1000, initial=500) as progress:
        now[0] = 10
        progress.advance(100)
        assert progress.rate == 10
