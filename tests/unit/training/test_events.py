"""What TensorBoard reads of a training."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from sceneshift.training.status import History


def read(folder):
    """Everything in the event files, as TensorBoard loads it."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed"
    )
    events = accumulator.EventAccumulator(str(folder), {"images": 0, "scalars": 0})
    events.Reload()
    return events


def curve(events, name):
    return [(point.step, round(point.value, 5)) for point in events.Scalars(name)]


def test_a_training_that_goes_on_is_one_curve_without_what_is_computed_again(tmp_path):
    killed = History(tmp_path / "history.csv", 0)
    for images in (10, 20, 30):
        killed.append(images=images, loss_g=images / 8, ada_p=0.25)
    resumed = History(tmp_path / "history.csv", 20)  # the snapshot was at 20
    resumed.append(images=30, loss_g=5.0, ada_p=0.5)
    events = read(tmp_path / "tensorboard")
    assert curve(events, "loss_g") == [(10, 1.25), (20, 2.5), (30, 5.0)]
    assert curve(events, "ada_p") == [(10, 0.25), (20, 0.25), (30, 0.5)]


def test_a_training_that_starts_over_leaves_nothing_of_the_last_one(tmp_path):
    History(tmp_path / "history.csv", 0).append(images=10, loss=1.0)
    History(tmp_path / "history.csv", 0).append(images=5, loss=2.0)
    assert curve(read(tmp_path / "tensorboard"), "loss") == [(5, 2.0)]


def test_sheets_of_samples_come_along(tmp_path):
    pixels = np.arange(8 * 16 * 3, dtype=np.uint8).reshape(8, 16, 3)
    Image.fromarray(pixels).save(tmp_path / "samples-10.png")
    History(tmp_path / "history.csv", 0).show(10, tmp_path / "samples-10.png")
    (sample,) = read(tmp_path / "tensorboard").Images("samples")
    assert sample.step == 10
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(sample.encoded_image_string))), pixels)


def test_without_tensorboard_there_is_the_table_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "tensorboard", raising=False)
    History(tmp_path / "history.csv", 0).append(images=10, loss=1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]
