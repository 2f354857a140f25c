"""What each house looks like: walls, roofs, colors, and the rhythm of windows."""

import numpy as np

from sceneshift.streets import textures
from sceneshift.streets.colors import (
    CONCRETE,
    GLASS,
    PLASTER,
    accent_color,
    roof_color,
    wall_color,
)
from sceneshift.streets.draws import Draws

WALL_TEXTURE = np.array(
    [textures.FBM, textures.BRICK, textures.ASHLAR, textures.BOARDS, textures.FBM, textures.SLABS], np.int64
)
WALL_CONTRAST = np.array([0.07, 0.20, 0.13, 0.16, 0.03, 0.10], np.float32)
_USED = {  # shares of wall materials by kind of street
    "avenue": (0.28, 0.22, 0.20, 0.02, 0.16, 0.12),
    "lane": (0.50, 0.25, 0.17, 0.05, 0.00, 0.03),
    "suburb": (0.30, 0.38, 0.05, 0.25, 0.00, 0.02),
    "square": (0.40, 0.20, 0.27, 0.02, 0.06, 0.05),
    "country": (0.40, 0.25, 0.12, 0.23, 0.00, 0.00),
    "park": (0.30, 0.25, 0.20, 0.05, 0.10, 0.10),
}
FLAT, RIDGE, GABLE, HIP, MANSARD = range(5)


def look_of(draws: Draws, kind: str, purpose: tuple) -> dict[str, float | np.ndarray]:
    """Draw how a house looks: materials, colors [3] in linear light, rhythm of windows in metres."""
    rng = draws("look", *purpose)
    u = rng.random(40).tolist()
    wall = int(np.searchsorted(np.cumsum(_USED[kind]), u[0] * 0.9999))
    office = wall == GLASS or (kind == "avenue" and u[1] < 0.25)
    storey = 3.3 + 0.7 * u[2] if office or kind == "square" else 2.7 + 0.7 * u[2]
    style = 2 if wall == GLASS else (1 if u[3] < 0.35 else 0) if wall == CONCRETE or office else 0
    bay = 1.3 + 1.4 * u[4] if style == 2 else 1.9 + 2.1 * u[4]
    half_width = bay * 0.47 if style == 2 else bay * 0.5 if style == 1 else min(0.45 + 0.45 * u[5], bay * 0.36)
    half_height = storey * 0.44 if style == 2 else 0.5 + 0.45 * u[6] * (storey / 3)
    shop_share = {"avenue": 0.6, "lane": 0.35, "square": 0.6, "suburb": 0.04, "country": 0.0, "park": 0.1}[kind]
    return {
        "wall": float(wall), "color": wall_color(rng, wall), "trim": wall_color(rng, PLASTER) * 0.4 + 0.42 * u[7],
        "frame": (np.array([0.72, 0.72, 0.70]) if u[8] < 0.55 else accent_color(rng) * 0.8),
        "accent": accent_color(rng), "sign": accent_color(rng), "roof_color": roof_color(rng),
        "storey": storey, "ground_floor": storey + (0.9 * u[9] if kind != "suburb" else 0.0), "bay": bay,
        "half_width": half_width, "half_height": half_height, "lift": 0.15 + 0.2 * u[10],
        "frame_width": 0.04 + 0.05 * u[11], "mullions": float(int(3 * u[12])), "bars": float(int(2.2 * u[13])),
        "trim_width": (0.08 + 0.14 * u[14]) if u[15] < 0.55 else 0.0, "sill": float(u[16] < 0.7),
        "shutters": float(u[17] < (0.3 if kind in ("lane", "suburb", "country") else 0.06) and style == 0),
        "balconies": float(u[18] < 0.25 and kind in ("avenue", "lane", "square") and style == 0),
        "band": float(u[19] < 0.35), "cornice": 0.2 + 0.5 * u[20], "shop": float(u[21] < shop_share),
        "shop_bay": 3.0 + 3.0 * u[22], "awning": float(u[23] < 0.3), "lit": 0.12 + 0.45 * u[24] ** 1.5,
        "warmth": u[25], "reflects": 0.07 + 0.10 * u[26] + (0.16 if wall == GLASS else 0.0),
        "tint": u[27], "dirt": u[28] ** 1.5, "arched": float(u[29] < 0.12), "plinth": 0.9 * u[30] * (u[31] < 0.6),
        "contrast": 0.6 + 0.8 * u[32], "roof": float(_roof(kind, wall, u[33])), "pitch": 0.55 + 0.55 * u[34],
        "tall": u[35], "second": wall_color(rng, wall), "two_tone": float(u[36] < 0.22), "salt": float(u[37] * 2**20),
        "curtains": 0.15 + 0.55 * u[38], "depth": 9 + 6 * u[39],
    }  # fmt: skip


def _roof(kind: str, wall: int, u: float) -> int:
    if wall in (GLASS, CONCRETE):
        return FLAT
    shares = {
        "avenue": (0.6, 0.14, 0.02, 0.08, 0.16),
        "lane": (0.25, 0.5, 0.1, 0.05, 0.1),
        "suburb": (0.03, 0.37, 0.32, 0.28, 0.0),
        "square": (0.35, 0.25, 0.1, 0.1, 0.2),
        "country": (0.0, 0.5, 0.35, 0.15, 0.0),
        "park": (0.5, 0.2, 0.1, 0.2, 0.0),
    }[kind]
    return int(np.searchsorted(np.cumsum(shares), u * 0.9999))
