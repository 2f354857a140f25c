"""Colors of walls, roofs and paint: diffuse reflectance [3] in linear light, drawn from wide, real ranges."""

import numpy as np

PLASTER, BRICK, STONE, TIMBER, GLASS, CONCRETE = range(6)

_BRICKS = np.array([[0.20, 0.075, 0.045], [0.36, 0.18, 0.11]])  # dark and light red
_RARE_BRICKS = np.array([[0.42, 0.33, 0.20], [0.16, 0.13, 0.12], [0.55, 0.53, 0.49]])  # yellow, grey, painted
_STONES = np.array([[0.42, 0.36, 0.27], [0.30, 0.30, 0.29]])
_BOARDS = np.array([[0.30, 0.05, 0.035], [0.12, 0.20, 0.27], [0.33, 0.28, 0.14], [0.17, 0.10, 0.06], [0.14, 0.22, 0.16],
                    [0.36, 0.36, 0.34]])  # fmt: skip
_PLASTERS = np.array([[0.56, 0.40, 0.19], [0.52, 0.33, 0.26], [0.42, 0.19, 0.11], [0.36, 0.40, 0.29], [0.3, 0.38, 0.45],
                      [0.36, 0.35, 0.33], [0.60, 0.48, 0.27], [0.50, 0.44, 0.34]])  # fmt: skip
_CREAM, _WHITE_BOARDS = np.array([0.62, 0.59, 0.53]), np.array([0.58, 0.58, 0.56])
_CONCRETE, _GLASS = np.array([0.34, 0.33, 0.31]), np.array([0.10, 0.12, 0.14])
_ACCENTS = np.array([[0.35, 0.03, 0.03], [0.03, 0.08, 0.25], [0.02, 0.12, 0.06], [0.45, 0.30, 0.04], [0.05, 0.05, 0.05],
                     [0.55, 0.54, 0.50], [0.14, 0.07, 0.035], [0.10, 0.18, 0.22]])  # fmt: skip
_ROOFS = np.array([[0.30, 0.10, 0.055], [0.22, 0.075, 0.05], [0.09, 0.09, 0.10], [0.14, 0.12, 0.105],
                   [0.10, 0.065, 0.05], [0.17, 0.20, 0.18]])  # fmt: skip


def wall_color(rng: np.random.Generator, wall: int) -> np.ndarray:
    """A wall of one of the materials above, [3]."""
    hue, tone, rare, shift, *tint = rng.random(7).tolist()
    varied = np.array(tint) - 0.5
    if wall == BRICK:
        if rare < 0.25:
            return _RARE_BRICKS[int(3 * hue)] * (0.7 + 0.4 * tone) * (1 + 0.2 * varied)
        return (_BRICKS[0] + (_BRICKS[1] - _BRICKS[0]) * tone) * (1 + 0.2 * varied)
    if wall == STONE:
        return (_STONES[0] + (_STONES[1] - _STONES[0]) * hue) * (0.5 + 0.7 * tone)
    if wall == TIMBER:
        return (_WHITE_BOARDS if rare < 0.45 else _BOARDS[int(6 * hue)]) * (0.7 + 0.4 * tone)
    if wall == GLASS:
        return (_GLASS + 0.2 * shift * rare) * (0.5 + tone)
    if wall == CONCRETE:
        return _CONCRETE * (0.55 + 0.8 * tone) + 0.03 * varied
    if rare < 0.42:  # plaster: whites and creams, then ochre, rose, terracotta, green, blue, grey
        return _CREAM * (0.75 + 0.4 * tone) * (1 + 0.06 * varied)
    return _PLASTERS[int(8 * hue)] * (0.65 + 0.55 * tone) * (1 + 0.12 * varied)


def accent_color(rng: np.random.Generator) -> np.ndarray:
    """Paint of doors, awnings, signs and coats, [3]."""
    index, tone = rng.random(2).tolist()
    return _ACCENTS[int(8 * index)] * (0.6 + 0.8 * tone)


def roof_color(rng: np.random.Generator) -> np.ndarray:
    """Tiles and slates, [3]."""
    index, tone = rng.random(2).tolist()
    return _ROOFS[int(6 * index)] * (0.7 + 0.6 * tone)
