"""Street lamps: where they stand, and the light they throw."""

from dataclasses import dataclass, field

import numpy as np

from sceneshift.streets.draws import Draws
from sceneshift.streets.furniture import Item, plain
from sceneshift.streets.plan import Plan
from sceneshift.streets.surface import Surface
from sceneshift.streets.tracing import Card

# Height and spacing by kind of street, in metres.
_HEIGHT = {"avenue": 6.5, "lane": 3.4, "suburb": 5.0, "square": 4.2, "country": 6.5, "park": 3.5}
_STEP = {"avenue": 24, "lane": 16, "suburb": 26, "square": 15, "country": 34, "park": 18}
# Sodium, warm and neutral white, cool white.
_COLORS = np.array([[1.0, 0.58, 0.24], [1.0, 0.71, 0.40], [1.0, 0.82, 0.60], [0.85, 0.95, 1.0]])
_SPREAD = 3.0  # how many heights away a lamp lights a surface that faces it as brightly as from near
_FILL = 1.1  # of a lamp's power: what ground and houses throw back everywhere


@dataclass
class Lamps:
    """Street lamps in a rhythm along the street, on one or both sides.

    first, step: z of the lamps. lateral: [2], of the heads on the left and right; nan where there are none.
    """

    first: float
    step: float
    lateral: np.ndarray
    height: float
    color: np.ndarray
    power: float
    plan: Plan
    items: list[Item] = field(default_factory=list)

    def heads(self) -> np.ndarray:
        """Positions of the lamps' heads, [N, 3]."""
        places = [
            (self.plan.center(z) + x, self.height, z)
            for x in self.lateral
            if np.isfinite(x)
            for z in self.first + self.step * np.arange(-1, 9)
        ]
        return np.array(places).reshape(-1, 3)

    def irradiance(self, s: Surface, normal: np.ndarray) -> np.ndarray:
        """Light of the nearest lamps on each sample, [M]; their color is `color`.

        Road lamps are built to light the road evenly (EN 13201), so what they give falls off late.
        """
        x, y, z = s.position
        nearest = np.clip(np.round((z - self.first) / self.step), -1, 8)
        below = np.where(z - self.first < self.step * nearest, np.float32(-1), np.float32(1))
        total = np.zeros_like(x)
        for lateral in self.lateral[np.isfinite(self.lateral)].tolist():
            for number in (nearest, nearest + below):
                lamp_z = self.first + self.step * number
                dx, dy, dz = self.plan.center(lamp_z) + lateral - x, self.height - y, lamp_z - z
                square = dx * dx + dy * dy + dz * dz + 0.6
                cosine = np.maximum(normal[0] * dx + normal[1] * dy + normal[2] * dz, 0.0)
                down = np.clip(0.35 + dy / np.sqrt(square), 0.0, 1.0)  # shaded above, as heads are
                late = np.maximum(square / (_SPREAD * self.height) ** 2, 1.0)
                total += cosine * down / (np.sqrt(square) * late)
        return self.power * (total + _FILL * np.isfinite(self.lateral).any() * s.ambient)


def lamps_of(draws: Draws, plan: Plan) -> Lamps:
    """The street's lamps; country roads and some lanes have few."""
    rng = draws("lamps")
    u = rng.random(10).tolist()
    sides = np.array([-1.0, 1.0]) * (plan.road + 0.35)
    if plan.kind == "lane":
        sides = np.array([-1.0, 1.0]) * (np.array([plan.front(0), plan.front(1)]) - 0.7)
    reach = 0.25 + 1.5 * u[0] if plan.kind in ("avenue", "suburb", "country") else 0.2
    lateral = sides - np.sign(sides) * reach
    if u[1] < 0.45:
        lateral[int(u[2] * 2)] = np.nan
    if plan.kind == "country" and u[3] < 0.4:
        lateral[:] = np.nan
    height = _HEIGHT[plan.kind] + 2 * u[4]
    step = _STEP[plan.kind] * (0.8 + 0.5 * u[5])
    lamps = Lamps(4 + 0.6 * step * u[6], step, lateral, height, _COLORS[int(4 * u[7])], 0.03 + 0.04 * u[8], plan)
    color = np.array([0.05, 0.055, 0.055]) if u[9] < 0.6 else np.array([0.24, 0.25, 0.25])
    for side in (0, 1):
        if not np.isfinite(lateral[side]):
            continue
        for z in (lamps.first + step * np.arange(6)).tolist():
            if z > 75:
                break  # only its light is seen
            foot = np.array([plan.center(z) + sides[side], 0.0, z])
            lamps.items.append(Item(Card(foot, 0.13, height), plain(color)))
            arm = np.array([plan.center(z) + (sides[side] + lateral[side]) / 2, height - 0.06, z])
            lamps.items.append(Item(Card(arm, reach, 0.09), plain(color)))
            head = np.array([plan.center(z) + lateral[side], height - 0.12, z])
            lamps.items.append(Item(Card(head, 0.55, 0.22), plain(color * 1.5 + 0.1)))
    return lamps
