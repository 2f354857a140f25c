"""The horizon and the vanishing point of pictures whose camera is known. Errors are shares of the picture's sides."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sceneshift import streets
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring import load_predictor
from sceneshift.scoring.kinds.layout import Layout, LayoutPredictor
from sceneshift.scoring.predictor import save_predictor
from sceneshift.streets.draws import Draws
from sceneshift.streets.labels import labels_of
from sceneshift.streets.scene import Scene


def fan(x, y, shape):
    """Lines that meet at x, y, drawn four times as large and reduced: uint8 [1, H, W, 3]."""
    height, width = (4 * side for side in shape)
    picture = Image.new("L", (width, height), 40)
    center = x * width, y * height
    for angle in np.radians([20, 40, 65, 115, 140, 160, 205, 235, 305, 335]):
        far = center[0] + 5000 * np.cos(angle), center[1] + 5000 * np.sin(angle)
        ImageDraw.Draw(picture).line([center, far], fill=220, width=6)
    return np.asarray(picture.convert("RGB").reduce(4))[None]


@pytest.mark.parametrize("shape", [(64, 64), (64, 128), (96, 64), (512, 512)])
@pytest.mark.parametrize(("x", "y"), [(0.5, 0.5), (0.3, 0.42), (0.74, 0.61)])
def test_lines_meet_where_they_were_drawn_to(shape, x, y):
    np.testing.assert_allclose(Layout().score(fan(x, y, shape)), [[1 - y, x]], atol=0.01)


def test_streets_of_the_rendered_world():
    """Straight ones that lead into the picture, with cars, trees and facades: half are within 3 pixels of 64."""
    errors = []
    for index in range(60):
        seen = Scene(Draws(5, index), (64, 64), 1, labels_of(5, index, {}))
        right, up, depth = seen.camera.axes @ (0, 0, 1)  # along the street
        truth = np.array([0.5 + seen.camera.focal * up / depth / 64, 0.5 + seen.camera.focal * right / depth / 64])
        if depth > 0 and not seen.plan.bend and 0.1 < truth[1] < 0.9:
            errors.append(np.abs(Layout().score(streets.render_street(5, index, (64, 64))[None])[0] - truth))
    assert len(errors) == 25
    assert (np.median(errors, axis=0) < 0.045).all()
    assert (np.quantile(errors, 0.9, axis=0) < (0.11, 0.17)).all()


def test_a_mirrored_street_leads_the_other_way_and_batches_do_not_matter():
    pictures = np.stack([streets.render_street(2, index, (64, 96)) for index in range(4)])
    scores, mirrored = Layout().score(pictures), Layout().score(pictures[:, :, ::-1])
    np.testing.assert_allclose(mirrored, scores * (1, -1) + (0, 1), atol=1e-4)
    np.testing.assert_array_equal(Layout().score(pictures[2:3])[0], scores[2])


@pytest.mark.parametrize("picture", [np.zeros((8, 8, 3)), np.tile(np.arange(64) * 4, (3, 64, 1)).T])
def test_without_slanted_lines_it_is_the_middle(picture):
    """Nothing at all, and a smooth rise from black to white."""
    np.testing.assert_array_equal(Layout().score(picture[None].astype(np.uint8)), [[0.5, 0.5]])


def test_its_file(tmp_path):
    layout = LayoutPredictor(kind="layout")
    save_predictor([layout.build()], tmp_path / "p.safetensors", {})
    assert load_predictor(tmp_path / "p.safetensors").attributes == layout.attribute_names()
    with pytest.raises(SceneshiftError, match="layout scores horizon, vanishing_point, not roll"):
        LayoutPredictor.load({"kind": "layout", "attributes": ["roll"]}, {}, "cpu")
