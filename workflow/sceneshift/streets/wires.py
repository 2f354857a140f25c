"""Overhead wires and the poles that carry them."""

import numpy as np

from sceneshift.streets.draws import Draws
from sceneshift.streets.furniture import Item, plain
from sceneshift.streets.plan import Plan
from sceneshift.streets.tracing import Card

_SHARE = {"avenue": 0.3, "lane": 0.3, "suburb": 0.5, "square": 0.15, "country": 0.45, "park": 0.0}


def wires_of(draws: Draws, plan: Plan) -> list[np.ndarray]:
    """Overhead wires, each as points [N, 3]: along the street on poles, or across it."""
    rng = draws("wires")
    u = rng.random(8).tolist()
    wires = []
    if u[0] > _SHARE[plan.kind]:
        return wires
    if plan.kind in ("suburb", "country") or u[1] < 0.4:
        side, span = (1 if u[2] < 0.5 else -1), 28 + 10 * u[3]
        for height in np.array([6.6, 7.2, 7.4])[: 1 + int(3 * u[4])]:
            t = np.linspace(0, 1, 8)
            for k in range(4):
                z = 2 + span * (k + t)
                x = plan.center(z) + side * (plan.road + 0.8)
                wires.append(np.stack([x, height - 0.9 * 4 * t * (1 - t) * 0.6, z], 1))
    else:
        for k in range(3):
            z = 9 + 17 * (k + u[5])
            t = np.linspace(-1, 1, 10)
            x = plan.center(z) + t * plan.front(0)
            wires.append(np.stack([x, 6.3 + 1.4 * t**2, np.full(10, z)], 1))
    return wires


def poles_of(draws: Draws, plan: Plan) -> list[Item]:
    """The poles that carry wires along the street."""
    u = draws("wires").random(8).tolist()
    if u[0] > _SHARE[plan.kind] or not (plan.kind in ("suburb", "country") or u[1] < 0.4):
        return []
    side, span = (1 if u[2] < 0.5 else -1), 28 + 10 * u[3]
    color = np.array([0.11, 0.085, 0.06])
    items = []
    for k in range(5):
        z = 2 + span * k
        x = plan.center(z) + side * (plan.road + 0.8)
        items.append(Item(Card(np.array([x, 0.0, z]), 0.26, 7.8), plain(color)))
        items.append(Item(Card(np.array([x, 7.15, z]), 1.9, 0.12), plain(color)))
    return items
