"""Shadows that the sun casts, found sample by sample: is a house, a car or a tree on the way to it?"""

import math

import numpy as np

from sceneshift.streets.buildings import Building
from sceneshift.streets.light import Light
from sceneshift.streets.looks import FLAT, GABLE
from sceneshift.streets.planting import Tree
from sceneshift.streets.vehicles import Vehicle


def sunlit(
    position: np.ndarray,
    footprint: np.ndarray,
    light: Light,
    houses: list[Building],
    cars: list[Vehicle],
    trees: list[Tree],
    season: float,
) -> np.ndarray:
    """Share of the sun that reaches each position [3, M]: float32 [M].

    Edges are as soft as a sample's footprint [M], and softer far from what casts them, as the sun is no point.
    """
    sun = light.sun_direction
    flat = math.hypot(sun[0], sun[2])
    toward = np.array([sun[0], sun[2]]) / flat
    climb = float(sun[1] / flat)
    free = np.ones(position.shape[1], np.float32)
    if climb <= 0:
        return free
    x, y, z = position
    for house in houses:
        side = float(toward @ house.outward)
        if side > 0.25:
            continue  # its shadow falls away from the street
        roof = house.look["roof"]
        rise = (
            0.0 if roof == FLAT else 0.55 * house.look["pitch"] * (house.length if roof == GABLE else house.depth) / 2
        )
        middle = house.front - house.outward * house.depth / 2
        _cast(
            free,
            x,
            y,
            z,
            middle,
            house.along,
            house.length / 2,
            house.depth / 2,
            house.height + rise,
            toward,
            climb,
            footprint,
        )
    low = y < 0.05
    for car in cars[:8]:
        half = (car.length / 2, car.width / 2)
        _cast(free, x, y, z, car.center, car.along, *half, 0.9 * car.height, toward, climb, footprint, low)
    for tree in trees:
        _cast_tree(free, x, y, z, tree, toward, climb, season)
    return free


def _cast(free, x, y, z, middle, along, half_length, half_width, height, toward, climb, footprint, only=True) -> None:
    """Take away what an upright box keeps from the sun. A ray to the sun runs over the box's plan from one crossing of
    its outline to another; it is stopped if it is still below the top at the first."""
    a, b = np.float32(along), np.float32([along[1], -along[0]])
    rx, rz = x - np.float32(middle[0]), z - np.float32(middle[1])
    enter, leave = np.float32(0), np.float32(np.inf)
    for axis, half in ((a, half_length), (b, half_width)):
        place = rx * axis[0] + rz * axis[1]
        way = float(axis @ toward)
        way = math.copysign(max(abs(way), 1e-4), way)
        one, two = (-half - place) * np.float32(1 / way), (half - place) * np.float32(1 / way)
        enter = np.maximum(enter, np.minimum(one, two))
        leave = np.minimum(leave, np.maximum(one, two))
    stopped = np.nonzero(
        (leave > enter + 0.05) & (leave > 0.08) & (y + enter * np.float32(climb) < height - 0.02) & only
    )[0]
    if not stopped.size:
        return
    enter = enter[stopped]
    soft = footprint[stopped] + 0.012 * enter
    through = np.minimum((leave[stopped] - enter) / (2 * soft), 1)
    below = np.minimum((height - y[stopped] - enter * np.float32(climb)) / soft, 1)
    free[stopped] *= 1 - through * below


def _cast_tree(free, x, y, z, tree: Tree, toward, climb: float, season: float) -> None:
    """Trees shade through their picture, turned to the sun."""
    foot, height = tree.card.foot, tree.card.height
    rx, rz = np.float32(foot[0]) - x, np.float32(foot[2]) - z
    away = rx * np.float32(toward[0]) + rz * np.float32(toward[1])
    up = (y + away * np.float32(climb)) * np.float32(1 / height)
    across = (rz * np.float32(toward[0]) - rx * np.float32(toward[1])) * np.float32(2 / tree.card.width)
    near = np.nonzero((away > 0.12 * tree.card.width) & (np.abs(across) < 1) & (up >= 0) & (up < 1) & (free > 0))[0]
    if not near.size:
        return
    leaf, branch = tree.seen(across[near], up[near], 0.004, season)
    free[near] *= np.where(leaf, 0.16, np.where(branch, 0.35, 1.0)).astype(np.float32)
