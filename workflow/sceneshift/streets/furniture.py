"""Signs, parasols and people: flat things that stand on the street."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sceneshift.streets.colors import accent_color
from sceneshift.streets.draws import Draws
from sceneshift.streets.plan import Plan
from sceneshift.streets.tracing import Card


@dataclass
class Item:
    """A thin thing: a card, and a painter that takes across, up [M] and gives the albedo [3, M]."""

    card: Card
    paint: Callable[[np.ndarray, np.ndarray], np.ndarray]


def items_of(draws: Draws, plan: Plan) -> list[Item]:
    """Signs, parasols and people."""
    items = []
    signs, persons = draws("signs").random((5, 6)).tolist(), draws("people").random((14, 7)).tolist()
    for k in range(5):
        u = signs[k]
        if u[0] > {"avenue": 0.5, "suburb": 0.35, "square": 0.4, "country": 0.3}.get(plan.kind, 0.15):
            continue
        side, z = (1 if u[1] < 0.5 else -1), 5 + 40 * u[2]
        x = plan.center(z) + side * (plan.road + 0.5)
        items.append(Item(Card(np.array([x, 0.0, z]), 0.08, 2.9), plain(np.array([0.3, 0.3, 0.3]))))
        size = 0.6 + 0.25 * u[3]
        items.append(Item(Card(np.array([x, 2.3, z - 0.05]), size, size, _disc if u[4] < 0.6 else None), _sign(u[5])))
    crowd = draws("crowd").random()
    if plan.kind in ("lane", "square", "avenue") and draws("parasols").random() < 0.25:
        side = int(draws("parasols", "side").random() < 0.5)
        for k, u in enumerate(draws("parasols", "places").random((4, 3)).tolist()):
            edge, z = plan.edges[side], 7 + 4 * k + 2 * u[0]
            lateral = edge[3] - 1.3 - (0.5 * (edge[3] - edge[2]) * u[1] if plan.kind != "lane" else 0)
            foot = np.array([plan.center(z) + (lateral if side else -lateral), 0.0, z])
            items.append(Item(Card(foot, 2.6, 2.6, _parasol), plain(accent_color(draws("parasols", "color")) + 0.05)))
    for k in range(14):
        u = persons[k]
        share = {"avenue": 0.45, "lane": 0.35, "suburb": 0.12, "square": 0.6, "country": 0.02, "park": 0.35}[plan.kind]
        if u[0] > share * 2.0 * crowd**1.5:
            continue
        side = 1 if u[1] < 0.5 else -1
        walk = plan.edges[int(side > 0)]
        lateral = (
            (0.8 + walk[0] * 0.8 * u[2])
            if plan.kind in ("lane", "park", "square")
            else walk[1] + (walk[2] - walk[1]) * (0.1 + 0.8 * u[2])
        )
        z = 5 + 40 * u[3] ** 1.3
        height = 1.58 + 0.27 * u[4]
        card = Card(np.array([plan.center(z) + side * lateral, 0.0, z]), 0.62 * height * 0.6, height, _figure)
        coat = accent_color(draws("person", k, "coat")) * 0.8
        legs = np.array([[0.03, 0.035, 0.06], [0.02, 0.02, 0.02], [0.12, 0.10, 0.08]])[int(3 * u[5])]
        skin = np.array([0.45, 0.27, 0.18]) * (0.25 + 0.9 * u[6])
        items.append(Item(card, _person(coat, legs, skin)))
    return items


def plain(color: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A painter of round things of one color [3]."""
    return lambda across, up: np.repeat(color[:, None].astype(np.float32), across.size, 1) * (0.75 + 0.35 * across)


def _disc(across: np.ndarray, up: np.ndarray, footprint: float) -> np.ndarray:
    return across**2 + (2 * up - 1) ** 2 < 1


def _sign(u: float):
    rim, field_ = (np.array(c) for c in (
        ([0.42, 0.02, 0.025], [0.65, 0.65, 0.65]), ([0.65, 0.65, 0.65], [0.03, 0.09, 0.36]),
        ([0.42, 0.02, 0.025], [0.42, 0.02, 0.025]), ([0.55, 0.36, 0.03], [0.55, 0.36, 0.03]),
    )[int(4 * u)])  # fmt: skip

    def paint(across: np.ndarray, up: np.ndarray) -> np.ndarray:
        inner = np.maximum(np.abs(across), np.abs(2 * up - 1)) < 0.7
        mark = (np.abs(2 * up - 1) < 0.15) & (np.abs(across) < 0.5)
        return np.where(inner & ~mark, field_[:, None], rim[:, None])

    return paint


_PROFILE = np.array(
    [
        [0, 0.02, 0.06, 0.45, 0.50, 0.62, 0.78, 0.82, 0.845, 0.87, 0.93, 0.985, 1.0],
        [0.50, 0.52, 0.34, 0.44, 0.56, 0.62, 0.72, 0.55, 0.20, 0.19, 0.27, 0.18, 0.0],
    ]
)


def _figure(across: np.ndarray, up: np.ndarray, footprint: float) -> np.ndarray:
    between = (up < 0.42) & (np.abs(across) < 0.16 * (1 - up / 0.42))
    return (np.abs(across) < np.interp(up, *_PROFILE)) & ~between


def _parasol(across: np.ndarray, up: np.ndarray, footprint: float) -> np.ndarray:
    """A canopy on a pole, and a table with seats as a low block."""
    canopy = (up > 0.76) & (np.abs(across) < 1.05 - 3.8 * np.maximum(up - 0.8, 0))
    return (
        canopy
        | (np.abs(across) < 0.03)
        | ((up < 0.30) & (np.abs(across) < 0.55) & (np.abs(across) > 0.1 + 0.5 * (up < 0.2)))
    )


def _person(coat: np.ndarray, legs: np.ndarray, skin: np.ndarray):
    def paint(across: np.ndarray, up: np.ndarray) -> np.ndarray:
        color = np.where(up < 0.47, legs[:, None], np.where(up < 0.84, coat[:, None], skin[:, None]))
        return np.where(up > 0.935, 0.03, color) * (0.8 + 0.3 * across)

    return paint
