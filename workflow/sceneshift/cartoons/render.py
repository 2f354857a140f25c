"""Rendered street views with known labels: the default run's photos, and every test's ground truth.

Street `index` of `seed` is a function of those two numbers alone. All random numbers are drawn before anything is drawn
on the canvas, in a fixed order and count, so the same scene appears at every resolution, and replacing one label
leaves all else as it was.
"""

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw

from sceneshift.cartoons.parts import (
    Painting,
    draw_buildings,
    draw_ground,
    draw_hedges,
    draw_hills,
    draw_lamps,
    draw_trees,
)
from sceneshift.cartoons.scene import RGB, Light, View, scene_of
from sceneshift.cartoons.sky import lamp_glow, paint_sky

LABELS = ("natural_light", "vegetation", "clouds", "snow", "vertical_components")

# Gains that night leaves of the day's red, green and blue. Light multiplies, so edges keep their place and contrast.
NIGHT_SCENE: RGB = (0.21, 0.25, 0.34)
NIGHT_SKY: RGB = (0.18, 0.21, 0.31)


def render_street(
    seed: int, index: int, resolution: int | tuple[int, int], labels: Mapping[str, float] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Render street `index` of `seed`.

    resolution: the side of a square picture, or (height, width), in pixels, at least 8. A picture that is wider than
        high sees more to both sides.
    labels: values in [0, 1] that replace the street's own, by name; everything else in the scene stays the same.

    Returns the picture, uint8 [H, W, 3] RGB, and its labels, float32 [5] in [0, 1], in the order of `LABELS`:
    natural_light from night to noon, vegetation from bare to lush, clouds as the covered share of the sky, snow as
    coverage of ground and roofs, vertical_components from low houses to tall facades. A street's own labels are
    independent of one another: each is uniform for three streets in five and lies near one of its two ends for the
    others, so that there are enough of both extremes.

    Raises ValueError for an unknown label, a label outside [0, 1], or a resolution below 8.
    """
    height, width = (resolution, resolution) if isinstance(resolution, int | np.integer) else resolution
    if min(height, width) < 8:
        raise ValueError(f"resolution {resolution}: a street needs at least 8 x 8 pixels")
    rng = np.random.Generator(np.random.Philox(key=np.array([seed, index], dtype=np.uint64)))
    values = _spread(rng.random((5, 2)))
    for name, value in (labels or {}).items():
        if name not in LABELS:
            raise ValueError(f"unknown label {name!r}: expected one of {', '.join(LABELS)}")
        if not 0 <= value <= 1:
            raise ValueError(f"label {name} = {value}: expected a value from 0 to 1")
        values[LABELS.index(name)] = value
    natural_light, vegetation, clouds, snow, vertical = values.tolist()
    scene = scene_of(rng)

    # Small pictures need finer supersampling for smooth edges; large ones would only pay for it.
    scale = 6 if height < 48 else 4 if height <= 160 else 3 if height <= 320 else 2
    view = View(scene, width * scale, height * scale)
    light = Light(_gains(NIGHT_SCENE, natural_light), scene.haze, 1 - natural_light)

    # The fourth band is coverage. RGBX keeps it out of Pillow's hands: black beneath the scene makes the box reduction
    # premultiply colors by coverage, and the sky is added under them without fringes.
    canvas = Image.new("RGBX", (width * scale, height * scale))
    painting = Painting(ImageDraw.Draw(canvas), view, scene, light, snow)
    draw_hills(painting)
    draw_ground(painting)
    draw_buildings(painting, vertical)
    draw_hedges(painting, vegetation)
    lamps = draw_lamps(painting)
    draw_trees(painting, vegetation)
    layer = np.asarray(canvas.reduce(scale), dtype=np.float32)  # [H, W, 4]

    picture = paint_sky(scene, height, width, clouds, natural_light)
    picture *= np.array(_gains(NIGHT_SKY, natural_light), dtype=np.float32)
    picture *= 1 - layer[..., 3:] / 255
    picture += layer[..., :3]
    if natural_light < 1:
        picture += lamp_glow(lamps, scale, height, width, 1 - natural_light)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8), values


def _spread(uniform: np.ndarray) -> np.ndarray:
    """[5, 2] uniform numbers -> float32 [5] in [0, 1]: a fifth within 0.08 of each end, the rest uniform."""
    where, value = uniform[:, 0], uniform[:, 1]
    values = np.where(where < 0.2, 0.08 * value, np.where(where > 0.8, 1 - 0.08 * value, value))
    return values.astype(np.float32)


def _gains(night: RGB, natural_light: float) -> RGB:
    red, green, blue = (low + (1 - low) * natural_light for low in night)
    return red, green, blue
