"""Small solid things: chimneys and plant rooms on roofs, cabinets, bins, planters and stalls, garden walls, rails."""

from dataclasses import dataclass

import numpy as np

from sceneshift.streets import textures
from sceneshift.streets.buildings import Building
from sceneshift.streets.colors import BRICK, STONE, accent_color, wall_color
from sceneshift.streets.draws import Draws
from sceneshift.streets.looks import FLAT, GABLE, RIDGE
from sceneshift.streets.plan import Plan
from sceneshift.streets.surface import Surface
from sceneshift.streets.tracing import Solid, box


@dataclass
class Block:
    """A box of one material. texture: one of `textures`."""

    solid: Solid
    color: np.ndarray
    texture: int
    contrast: float


def blocks_of(draws: Draws, plan: Plan, houses: list[Building]) -> list[Block]:
    """All blocks of a street."""
    return [*_on_roofs(draws, houses), *_on_the_ground(draws, plan), *_along(draws, plan)]


def _along(draws: Draws, plan: Plan) -> list[Block]:
    """Garden walls and guard rails that follow the street."""
    blocks = []
    share = {"suburb": 0.3, "country": 0.3, "park": 0.1, "lane": 0.12}.get(plan.kind, 0.0)
    for side, u in enumerate(draws("walls").random((2, 6)).tolist()):
        if u[0] > share:
            continue
        rail = plan.kind == "country" and u[1] < 0.6
        lateral = plan.edges[side, 1] + 0.3 if rail else plan.edges[side, 2] + 0.3
        high, base = (0.32, 0.45) if rail else (0.7 + 1.2 * u[2], 0.0)
        color = np.full(3, 0.35) if rail else wall_color(draws("walls", side), BRICK if u[3] < 0.5 else STONE)
        texture = textures.FBM if rail else textures.BRICK if u[3] < 0.5 else textures.ASHLAR
        for k in range(6):  # short pieces, to follow bends
            z = 2.5 + 9.0 * k
            place = np.array([plan.center(z + 4.5) + (lateral if side else -lateral), z + 4.5])
            if rail or k != int(6 * u[4]):  # a gate
                blocks.append(
                    Block(
                        box(place, plan.along(z + 4.5), (9.0, 0.12 if rail else 0.3, high), base), color, texture, 0.18
                    )
                )
    return blocks


def _on_roofs(draws: Draws, houses: list[Building]) -> list[Block]:
    blocks = []
    numbers = draws("roofs").random((64, 2, 5)).tolist()
    for house, pair in zip(houses, numbers, strict=False):
        if house.front[1] < 2 or house.front[1] > 70:
            continue
        for u in pair:
            middle = house.front - house.outward * house.depth / 2
            roof, rise = house.look["roof"], float(house.look["pitch"])
            if roof == FLAT:
                if u[0] > 0.35:
                    continue
                place = middle + house.along * (u[1] - 0.5) * 0.7 * house.length
                size, base = (1.5 + 3 * u[2], 1.5 + 2 * u[3], 1 + 1.6 * u[4]), house.height
                blocks.append(
                    Block(box(place, house.along, size, base), np.full(3, 0.12 + 0.3 * u[2]), textures.FBM, 0.1)
                )
            elif u[0] < 0.6 and roof in (RIDGE, GABLE):
                ridge = house.height + rise * (house.length if roof == GABLE else house.depth) / 2
                along = (u[1] - 0.5) * 0.8 * (house.depth if roof == GABLE else house.length)
                place = middle + (house.outward if roof == GABLE else house.along) * along
                solid = box(
                    place, house.along, (0.6 + 0.7 * u[2], 0.6, 1.9 + 0.6 * u[3]), min(ridge, house.height + 5) - 1.2
                )
                color = np.array([0.25, 0.12, 0.08]) if u[4] < 0.6 else np.array([0.42, 0.39, 0.34])
                blocks.append(Block(solid, color * (0.6 + 0.7 * u[3]), textures.BRICK, 0.2))
    return blocks


def _on_the_ground(draws: Draws, plan: Plan) -> list[Block]:
    blocks = []
    share = {"avenue": 0.5, "lane": 0.45, "suburb": 0.4, "square": 0.6, "country": 0.05, "park": 0.25}[plan.kind]
    rng = draws("clutter")
    busy = rng.random()
    for u in rng.random((12, 7)).tolist():
        if u[0] > share * (0.4 + 1.2 * busy):
            continue
        side, z = (1 if u[1] < 0.5 else 0), 5.0 + 36 * u[2] ** 1.2
        edge, kind = plan.edges[side], int(5 * u[3])
        if kind == 3 and (plan.kind not in ("square", "avenue") or z < 12):
            continue  # stalls belong to markets
        by_kerb = kind in (0, 1)  # bins and cabinets; then planters, stalls, crates
        lateral = (
            edge[0] + 0.6
            if by_kerb
            else edge[2] + (edge[3] - edge[2]) * 0.5 * u[4]
            if plan.kind != "lane"
            else edge[3] - 0.5
        )
        size, color = (
            ((0.5, 0.5, 1.0), np.array([0.05, 0.07, 0.055])),
            ((0.9, 0.4, 1.25), np.array([0.23, 0.24, 0.22])),
            ((1.4, 0.6, 0.55), np.array([0.25, 0.22, 0.19])),
            ((2.4, 1.6, 2.2), accent_color(draws("clutter", round(1e6 * u[5]))) * 0.9 + 0.05),
            ((0.8, 0.8, 0.8), accent_color(draws("clutter", round(1e6 * u[5])))),
        )[kind]
        place = np.array([plan.center(z) + (lateral if side else -lateral), z])
        size = tuple(s * (0.8 + 0.4 * u[6]) for s in size)
        blocks.append(Block(box(place, plan.along(z), size), color * (0.7 + 0.6 * u[4]), textures.FBM, 0.12))
    return blocks


def shade_block(block: Block, s: Surface, at: np.ndarray) -> None:
    """Fill the surface's samples `at` [M], which see a block."""
    x, y, z = s.position[:, at]
    tone = textures.sample(block.texture, x + z, y, s.footprint[at])
    s.albedo[:, at] = np.clip(block.color[:, None].astype(np.float32) * (1 + block.contrast * tone), 0.01, 0.85)
    s.normal[:, at] = block.solid.normals.astype(np.float32)[s.face[at]].T
    s.ambient[at] = 1 - 0.4 * np.exp(-y / 0.3)
