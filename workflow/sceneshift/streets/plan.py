"""A street's plan: what kind of place it is, how wide its strips are, and where things may stand."""

import math
from dataclasses import dataclass

import numpy as np

from sceneshift.streets.draws import Draws

KINDS = ("avenue", "lane", "suburb", "square", "country", "park")
_SHARES = (0.28, 0.28, 0.16, 0.10, 0.10, 0.08)

# Surfaces of the ground's strips.
ASPHALT, SETTS, SLABS, GRAVEL, GRASS, CONCRETE = range(6)


@dataclass(frozen=True)
class Plan:
    """The plan of a street along z. Lengths in metres, lateral distances from the street's middle line.

    edges: [2, 4], where on the left and the right the road, the kerb, the first and the second strip end; houses stand
        behind the last. surfaces: [5], of road, kerb, both strips and what lies beyond.
    bend: curvature of the middle line, 1/m. crossings: z of side streets. crossing_width: of those.
    """

    kind: str
    edges: np.ndarray
    surfaces: tuple[int, ...]
    bend: float
    crossings: tuple[float, ...]
    crossing_width: float
    end: float  # z of the house that closes the street; infinite where none does

    def center(self, z):
        """x of the middle line at z."""
        return 0.5 * self.bend * np.minimum(np.maximum(z, 0), 150.0) ** 2

    def slope(self, z: float) -> float:
        """dx/dz of the middle line."""
        return self.bend * min(max(z, 0.0), 150.0)

    def along(self, z: float) -> np.ndarray:
        """Where the street leads at z: x and z of a unit vector, [2]."""
        slope = self.slope(z)
        return np.array([slope, 1.0]) / math.hypot(slope, 1.0)

    @property
    def road(self) -> float:
        """Half of the road's width."""
        return float(self.edges[0, 0])

    def front(self, side: int) -> float:
        """How far from the middle the houses of a side (0 left, 1 right) stand."""
        return float(self.edges[side, 3])

    def camera_x(self, share: float) -> float:
        """A place between the left and right pavement; mostly the road's own half or the pavement."""
        left, right = (0.85 * min(self.front(side) - 0.7, self.road + 3.5) for side in (0, 1))
        return -left + (left + right) * share

    def yaw(self, share: float, x: float) -> float:
        """A turn to the right in radians: mostly along the street, sometimes towards the farther side's houses."""
        if share < 0.70:
            return math.radians(-15 + 30 * share / 0.70)
        turned = math.radians(18 + 60 * (share - 0.70) / 0.30)
        return -turned if x > 0 else turned

    def lateral(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Metres from the middle line at x, z [M], negative on the left: [M]."""
        return x - self.center(z) if self.bend else x


def plan_of(draws: Draws) -> Plan:
    """Draw a street's plan."""
    rng = draws("plan")
    kind = KINDS[int(np.searchsorted(np.cumsum(_SHARES), rng.random() * 0.9999))]
    u = rng.random(16).tolist()
    sides = rng.random((2, 3))
    both = np.stack([sides[0], sides[0]]) if u[0] < 0.6 else sides  # six in ten streets are symmetric
    paving = (SLABS, CONCRETE, SLABS, SETTS)[int(4 * u[1])]
    end = math.inf
    if kind == "avenue":
        road = 3.2 + 4.8 * u[2] ** 1.3
        widths = [0.15, 1.2 + 1.6 * both[:, 0], 0.9 + 2.0 * both[:, 1]]
        surfaces = (ASPHALT, CONCRETE, GRASS if u[3] < 0.3 else paving, paving, paving)
        end = 60 + 100 * u[4] if u[5] < 0.4 else end
    elif kind == "lane":
        road = 1.6 + 1.8 * u[2]
        widths = [0.12, 0.3 + 0.5 * both[:, 0], 0.3 + 0.8 * both[:, 1]]
        surfaces = ((SETTS, SETTS, SLABS, ASPHALT)[int(4 * u[3])], CONCRETE, paving, paving, paving)
        end = 28 + 60 * u[4] if u[5] < 0.5 else end
    elif kind == "suburb":
        road = 2.7 + 1.5 * u[2]
        widths = [0.14, 1.3 + 0.7 * both[:, 0], 1.5 + 5.0 * both[:, 1]]
        surfaces = (ASPHALT, CONCRETE, GRASS if u[3] < 0.4 else paving, GRASS, GRASS)
    elif kind == "square":
        road = 3.0 + 3.0 * u[2]
        widths = [0.12, 3 + 6 * both[:, 0], 3 + 9 * both[:, 1]]
        surfaces = ((ASPHALT, SETTS, SLABS)[int(3 * u[3])], CONCRETE, paving, paving, paving)
        end = 40 + 40 * u[4]
    elif kind == "country":
        road = 2.3 + 1.6 * u[2]
        widths = [0.0, 0.5 + 1.0 * both[:, 0], 5 + 6 * both[:, 1]]
        surfaces = ((ASPHALT, ASPHALT, GRAVEL)[int(3 * u[3])], GRAVEL, GRAVEL, GRASS, GRASS)
    else:
        road = 1.0 + 1.4 * u[2]
        widths = [0.0, 0.3 + 0.6 * both[:, 0], 12 + 10 * both[:, 1]]
        surfaces = ((GRAVEL, ASPHALT, SLABS)[int(3 * u[3])], GRAVEL, GRASS, GRASS, GRASS)
    steps = np.stack([np.broadcast_to(np.asarray(w, float), 2) for w in widths], 1)  # [2, 3]
    edges = road + np.concatenate([np.zeros((2, 1)), np.cumsum(steps, 1)], 1)
    bend = 0.0
    if kind in ("country", "park", "suburb") or (kind == "lane" and math.isinf(end)):
        bend = (
            float(np.clip(rng.normal(0, 0.0035 if kind == "country" else 0.005), -0.009, 0.009)) if u[6] < 0.7 else 0.0
        )
    crossings = ()
    if kind in ("avenue", "suburb", "lane") and u[7] < 0.55:
        first = 14 + 35 * u[8]
        crossings = (first, first + 45 + 30 * u[9])
    return Plan(kind, edges, surfaces, bend, crossings, 5.0 + 5 * u[10], end)
