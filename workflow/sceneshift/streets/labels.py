"""What a street's labels are, how they are drawn, and which values may replace them.

Each is in [0, 1]. What it reaches, and nothing else, up to what the camera spreads (one pixel of sharpening, the 8 x 8
blocks of JPEG):

natural_light: 0 night with lit windows, lamps and headlights, 0.2 blue hour, 0.4 sunset, 0.5 low sun, 1 noon. All
    colors; no outline.
sunny: 0 overcast with a white sky, 1 clear sun with hard shadows. All colors; no outline.
clouds: share of the sky that clouds cover. The sky, and what wet ground mirrors of it.
fog: extinction of the air, rising with distance; 1 is a sight of about 50 m.
rain: 0 dry, 0.4 damp and dark, 1 puddles that mirror. The ground; in half of the streets falling streaks too.
snow: 0 none, 0.5 lawns and pavements, 1 closed, with tracks on the road. Ground, roofs, plants, vehicles and what else
    lies flat; never walls. In four of ten streets falling flakes too.
season: 0 summer, 0.5 autumn colors and fallen leaves, 1 bare. Leaves, lawns and the ground under trees.
vegetation: trees, bushes and hedges grow one after the other, lawns close. What they hide and shade.
vertical_components: houses from one storey up to towers. What they hide, shade and are mirrored in.
"""

from collections.abc import Mapping

import numpy as np

from sceneshift.streets.draws import Draws

LABELS = (
    "natural_light",
    "sunny",
    "clouds",
    "fog",
    "rain",
    "snow",
    "season",
    "vegetation",
    "vertical_components",
)

# What a picture of 64 px shows, of labels and content: linear heads on an ImageNet network, fitted on 1,600 streets,
# reach R² of .71, .68, .65, .54 and .68 on others. The rest they hardly see: cars .49, vegetation and
# vertical_components, of which much stands behind something, .34, rain .23, and sunny, clouds and season .06 to .12.
VISIBLE = ("natural_light", "greenery", "fog", "snow", "open_sky")

# Shares of streets near 0 and near 1; the rest is uniform. Most real photos show no fog, rain or snow at all.
_ENDS = {
    "natural_light": (0.18, 0.28),
    "sunny": (0.25, 0.25),
    "clouds": (0.20, 0.20),
    "fog": (0.70, 0.07),
    "rain": (0.62, 0.13),
    "snow": (0.66, 0.15),
    "season": (0.40, 0.15),
    "vegetation": (0.20, 0.20),
    "vertical_components": (0.20, 0.20),
}
_NEAR = 0.08  # how near


def street_labels(seed: int, index: int) -> np.ndarray:
    """The labels of street `index` of `seed`, float32 [9] in [0, 1], in the order of `LABELS`, without drawing it.

    Each label is independent of the others and of the scene.
    """
    draws = Draws(seed, index)
    return np.array([_draw(draws, name) for name in LABELS], np.float32)


def labels_of(seed: int, index: int, given: Mapping[str, float]) -> dict[str, float]:
    """The street's labels by name, those in `given` replaced.

    Raises ValueError for a name that is not a label and for a value outside [0, 1].
    """
    for name, value in given.items():
        if name not in LABELS:
            raise ValueError(f"unknown label {name!r}: expected one of {', '.join(LABELS)}")
        if not 0 <= value <= 1:
            raise ValueError(f"label {name} = {value}: expected a value from 0 to 1")
    own = dict(zip(LABELS, street_labels(seed, index).tolist(), strict=True))
    return own | {name: float(value) for name, value in given.items()}


def _draw(draws: Draws, name: str) -> float:
    where, value = draws("label", name).random(2).tolist()
    low, high = _ENDS[name]
    if where < low:
        return float(_NEAR * value)
    return float(1 - _NEAR * value) if where > 1 - high else float(value)
