"""What a training leaves to look at: rows that average alike, tables that a resumed run continues."""

import pytest
import torch

from sceneshift.training.status import STATUS_STEPS, History, LastSteps, crossed, forget_sheets


def test_each_row_averages_the_last_steps_and_measured_ones_only():
    steps = LastSteps()
    for step in range(40):
        figures = {"loss": torch.tensor(float(step))}
        steps.note(figures | {"r1": torch.tensor(2.0 * step)} if step % 16 == 0 else figures)
    last = range(40 - STATUS_STEPS, 40)
    assert steps.means() == {"loss": sum(last) / STATUS_STEPS, "r1": 2 * (16 + 32) / 2}


def test_a_resumed_training_averages_what_the_killed_one_would_have():
    whole, killed, resumed = LastSteps(), LastSteps(), LastSteps()
    for step in range(50):
        figures = {"loss": torch.tensor(step**0.5)}
        whole.note(figures)
        if step == 20:
            resumed.load_state_dict(killed.state_dict())
        (killed if step < 20 else resumed).note(figures)
    assert resumed.means() == whole.means()


def test_a_resumed_history_equals_an_uninterrupted_one(tmp_path):
    whole, killed = History(tmp_path / "whole.csv", 0), History(tmp_path / "killed.csv", 0)
    for images in (10, 20, 30):
        for history in (whole, killed):
            history.append(images=images, loss=1 / images, **({"frechet": 3.0} if images > 10 else {}))
    resumed = History(tmp_path / "killed.csv", 20)  # the snapshot was at 20
    resumed.append(images=30, loss=1 / 30, frechet=3.0)
    assert (tmp_path / "killed.csv").read_text() == (tmp_path / "whole.csv").read_text()
    assert (tmp_path / "whole.csv").read_text() == "images,loss,frechet\n10,0.1,\n20,0.05,3\n30,0.0333333,3\n"


def test_a_history_starts_over_with_the_training(tmp_path):
    History(tmp_path / "h.csv", 0).append(images=10, loss=1.0)
    History(tmp_path / "h.csv", 0).append(images=5)
    assert (tmp_path / "h.csv").read_text() == "images\n5\n"


DAMAGED = [
    b"",
    b"\x89HDF\r\n\x1a\n\x00\xff",
    b"images,loss\n10\n",
    b"images,loss\n10,1,2\n",
    b"images,loss\n1",
    b"loss\n1\n",
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_history_that_cannot_be_read_is_set_aside_and_the_training_goes_on(tmp_path, content, capsys):
    path = tmp_path / "h.csv"
    path.write_bytes(content)
    History(path, 20).append(images=30, loss=1.0)
    assert path.read_text() == "images,loss\n30,1\n"
    assert (tmp_path / "h.csv.set-aside").read_bytes() == content
    assert "h.csv.set-aside cannot be read" in capsys.readouterr().err


def test_only_the_first_process_writes(tmp_path):
    History(tmp_path / "h.csv", 0, writes=False).append(images=5)
    assert not (tmp_path / "h.csv").exists()


def test_sheets_of_what_is_trained_again_are_forgotten(tmp_path):
    for name in ("samples-000020.png", "samples-000040.png", "samples-mine.png"):
        (tmp_path / name).touch()
    forget_sheets(tmp_path, 20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["samples-000020.png", "samples-mine.png"]


def test_multiples_are_crossed_once():
    assert [crossed(images, images - 8, 20) for images in (8, 16, 24, 32, 40, 48)] == [0, 0, 1, 0, 1, 0]
