"""An editor against the truth: streets that no training saw, drawn as they should have become."""

import pytest

from sceneshift.evaluation.summary import read_evaluation, summarize
from sceneshift.pairs.rendered import RenderedPairs
from sceneshift.settings import EditorSettings
from sceneshift.stages import evaluate_editor as stage

SHAPE = (32, 32)
NIGHT = EditorSettings(name="night", labels={"natural_light": 0.03}, count=4)


def test_the_edit_is_measured_against_the_street_as_it_should_be(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        stage, "load_translator", lambda *_, **__: lambda image, strength: seen.append(image) or image // 4
    )
    changes = stage.evaluate_editor("t.safetensors", tmp_path / "e.csv", editor=NIGHT, shape=SHAPE, count=3)
    psnr = {change.attribute: change for change in changes}["psnr"]
    assert (psnr.scorer, psnr.photos) == ("truth", 3)
    assert psnr.after > psnr.before + 2  # a quarter of the light is much nearer to night than the day is
    read = [change.change for change in summarize(read_evaluation(tmp_path / "e.csv"))]
    assert read == pytest.approx([change.change for change in changes], rel=1e-3)  # the table rounds
    trained = [RenderedPairs(0, SHAPE, NIGHT).pair(index)[0] for index in range(3)]
    assert not any((image == street).all() for image in seen for street in trained)
