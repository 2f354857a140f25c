"""Houses: where they stand, how high they are, and their shapes."""

import math
from dataclasses import dataclass

import numpy as np

from sceneshift.streets.colors import GLASS, STONE
from sceneshift.streets.draws import Draws
from sceneshift.streets.looks import FLAT, GABLE, HIP, MANSARD, RIDGE, look_of
from sceneshift.streets.plan import Plan
from sceneshift.streets.tracing import Solid

# By kind of street: share and distance (metres) of blocks behind the first row; lowest height and what is added up to
# the highest.
_BEHIND = {
    "avenue": (0.8, 22),
    "lane": (0.8, 16),
    "suburb": (0.9, 24),
    "square": (0.7, 20),
    "country": (0.15, 40),
    "park": (0.7, 25),
}
_HEIGHTS = {
    "avenue": (4.0, 25.0),
    "lane": (3.5, 15.0),
    "suburb": (2.7, 5.5),
    "square": (5.0, 20.0),
    "country": (2.7, 4.0),
    "park": (4.0, 32.0),
}


@dataclass
class Building:
    """A house. front: [2], x and z of its front's middle. outward: [2], unit, from its front to the street.
    length: of the front. height: of its walls. Faces of `solid`: front, back, left, right, then roof."""

    front: np.ndarray
    outward: np.ndarray
    length: float
    depth: float
    height: float
    look: dict[str, float | np.ndarray]
    solid: Solid

    @property
    def along(self) -> np.ndarray:
        """The direction of its front: x and z of a unit vector, [2]."""
        return np.array([-self.outward[1], self.outward[0]])


def buildings_of(draws: Draws, plan: Plan, vertical: float) -> list[Building]:
    """All houses. `vertical` in [0, 1] sets their height, nothing else about them."""
    houses = []
    for side in (0, 1):
        sign = 1 if side else -1
        rng = draws("row", side)
        uniform = rng.random() < 0.3  # a terrace: houses alike
        z, k = -22.0, 0
        last = min(plan.end, 125.0)
        while z < last and k < 24:
            u = rng.random(12).tolist()
            length, gap = _spacing(plan.kind, u)
            middle = z + length / 2
            across = [c for c in plan.crossings if abs(middle - c) < length / 2 + plan.crossing_width + 1]
            if across:
                z = across[0] + plan.crossing_width + 1.0
                rng.random(12)
                k += 1
                continue
            slope = plan.slope(middle)
            turn = np.array([1.0, -slope]) / math.hypot(1.0, slope)  # to the street's right
            back = plan.front(side) + _setback(plan.kind, u)
            front = np.array([plan.center(middle), middle]) + sign * back * turn
            look = look_of(draws, plan.kind, ("terrace", side) if uniform else ("house", side, k))
            if plan.kind in ("suburb", "country", "park") or u[6] > 0.02:
                houses.append(_building(plan.kind, front, -sign * turn, length, look, vertical))
            z += length + gap
            k += 1
    houses += _behind(draws, plan, vertical)
    if math.isfinite(plan.end):  # the house at the street's end, seen from the front
        for n, x in enumerate((-14.0, 14.0) if plan.front(0) + plan.front(1) > 24 else (0.0,)):
            look = look_of(draws, plan.kind, ("end", n))
            width = 28.0 if plan.front(0) + plan.front(1) > 24 else 2 * plan.front(0) + 14
            front = np.array([x, plan.end + 1.0 + 2 * n])
            houses.append(_building(plan.kind, front, np.array([0.0, -1.0]), width, look, vertical))
    return houses


def _behind(draws: Draws, plan: Plan, vertical: float) -> list[Building]:
    """Blocks behind the first row, seen over roofs and through gaps."""
    houses = []
    share, far = _BEHIND[plan.kind]
    for side in (0, 1):
        sign = 1 if side else -1
        z = 4.0
        for k, u in enumerate(draws("behind", side).random((6, 4)).tolist()):
            length = 14 + 16 * u[0]
            middle = z + length / 2
            if u[1] < share and middle < min(plan.end + 40, 170):
                front = np.array([plan.center(middle) + sign * (plan.front(side) + far + 14 * u[2]), middle])
                look = look_of(draws, plan.kind, ("behind", side, k))
                if u[1] < 0.05:  # a tower
                    length = 5 + 2 * u[0]
                    look |= {"depth": length, "tall": 4.0, "roof": float(HIP), "pitch": 1.2 + 2.5 * u[2]}
                    look["wall"] = float(STONE)
                houses.append(_building(plan.kind, front, np.array([-sign * 1.0, 0.0]), length, look, vertical))
            z += length + 3 + 14 * u[3]
    return houses


def _spacing(kind: str, u: list[float]) -> tuple[float, float]:
    """Length of a house's front and the gap to the next, in metres."""
    if kind == "suburb":
        return 8 + 6 * u[0], 2.5 + 7 * u[1]
    if kind == "country":
        return 9 + 7 * u[0], 25 + 110 * u[1]
    if kind == "park":
        return 14 + 14 * u[0], 25 + 60 * u[1]
    if kind == "lane":
        return 5 + 7 * u[0], 0.0 if u[1] < 0.93 else 2.5
    return 9 + 16 * u[0] * u[2] + 4 * u[0], 0.0 if u[1] < 0.85 else 1.5 + 8 * u[3]


def _setback(kind: str, u: list[float]) -> float:
    """How far a house stands behind the line of fronts, in metres."""
    if kind in ("suburb", "country", "park"):
        return 3.5 * u[4]
    return 0.35 * u[4] if u[5] < 0.8 else 1.6 * u[4]


def _wall_height(kind: str, look: dict, vertical: float) -> float:
    """Height of the walls: whole storeys, from low to high with `vertical`."""
    low, more = _HEIGHTS[kind]
    tall = look["tall"]
    wanted = (low + more * vertical) * (0.72 + 0.5 * tall) * (1 + 1.2 * (look["wall"] == GLASS) * vertical)
    storeys = max(0, round((wanted - look["ground_floor"]) / look["storey"]))
    return look["ground_floor"] + storeys * look["storey"] + (0.5 if look["roof"] == FLAT else 0.15)


def _building(
    kind: str, front: np.ndarray, outward: np.ndarray, length: float, look: dict, vertical: float
) -> Building:
    """Put a house's walls and roof together as one convex body."""
    height = _wall_height(kind, look, vertical)
    depth = float(look["depth"])
    along = np.array([-outward[1], outward[0]])
    o, a = np.array([outward[0], 0, outward[1]]), np.array([along[0], 0, along[1]])
    f = np.array([front[0], 0, front[1]])
    up = np.array([0.0, 1, 0])
    normals = [o, -o, -a, a]
    offsets = [o @ f, -(o @ f) + depth, -(a @ f) + length / 2, a @ f + length / 2]
    roof, rise = int(look["roof"]), float(look["pitch"])
    top = height
    if roof == FLAT:
        normals.append(up)
        offsets.append(height)
    else:
        slopes = {RIDGE: (0, 1), GABLE: (2, 3), HIP: (0, 1, 2, 3), MANSARD: (0, 1, 2, 3)}[roof]
        if roof == MANSARD:
            rise = 1.6 + 0.8 * rise
        for face in slopes:  # a plane through the wall's upper edge, rising `rise` a metre inwards
            n = normals[face] * rise + up
            size = np.linalg.norm(n)
            offsets.append((offsets[face] * rise + height) / size)
            normals.append(n / size)
        span = length if roof == GABLE else depth if roof == RIDGE else min(length, depth)
        top = height + rise * span / 2
        if roof == MANSARD:
            top = min(top, height + look["storey"])
            normals.append(up)
            offsets.append(top)
    corners = np.array(
        [f + i * a * length / 2 - j * o * depth + up * h for i in (-1, 1) for j in (0, 1) for h in (0, top)]
    )
    return Building(front, outward, length, depth, height, look, Solid(np.array(normals), np.array(offsets), corners))
