"""Shadows that the sun casts, found sample by sample: is a house, a car or a tree on the way to it?"""

import math

import numpy as np

from sceneshift.streets.buildings import Building
from sceneshift.streets.looks import FLAT, GABLE
from sceneshift.streets.planting import Tree
from sceneshift.streets.scene import Scene
from sceneshift.streets.vehicles import Vehicle


def sunlit(scene: Scene, position: np.ndarray, footprint: np.ndarray) -> np.ndarray:
    """Share of the sun that reaches each position [3, M], seen with this footprint [M]: float32 [M] in [0, 1]."""
    rays = SunRays(position, footprint, scene.light.sun_direction)
    if rays.climb > 0:
        for house in scene.houses:
            rays.stop_at_house(house)
        for car in scene.cars[:8]:
            rays.stop_at_car(car)
        for tree in scene.trees:
            rays.stop_at_tree(tree, scene.labels["season"])
    return rays.free


class SunRays:
    """Rays from positions [3, M] to the sun (unit [3]), and the share `free` [M] of its light that comes through.

    Edges are as soft as a sample's footprint [M], and softer far from what casts them, as the sun is not a point.
    """

    def __init__(self, position: np.ndarray, footprint: np.ndarray, sun: np.ndarray) -> None:
        self.x, self.y, self.z = position
        self.footprint = footprint
        flat = math.hypot(sun[0], sun[2])
        self.toward = np.array([sun[0], sun[2]]) / flat
        self.climb = float(sun[1] / flat)
        self.free = np.ones(position.shape[1], np.float32)

    def stop_at_house(self, house: Building) -> None:
        """Houses whose shadow falls away from the street stop nothing."""
        if float(self.toward @ house.outward) > 0.25:
            return
        roof = house.look["roof"]
        span = house.length if roof == GABLE else house.depth
        rise = 0.0 if roof == FLAT else 0.55 * house.look["pitch"] * span / 2
        middle = house.front - house.outward * house.depth / 2
        self._stop_at_box(middle, house.along, (house.length, house.depth, house.height + rise), True)

    def stop_at_car(self, car: Vehicle) -> None:
        """Cars shade the ground only."""
        self._stop_at_box(car.center, car.along, (car.length, car.width, 0.9 * car.height), self.y < 0.05)

    def stop_at_tree(self, tree: Tree, season: float) -> None:
        """Trees shade through their picture, turned to the sun."""
        foot, width, height = tree.card.foot, tree.card.width, tree.card.height
        rx, rz = np.float32(foot[0]) - self.x, np.float32(foot[2]) - self.z
        east, north = np.float32(self.toward)
        away = rx * east + rz * north
        up = (self.y + away * np.float32(self.climb)) * np.float32(1 / height)
        across = (rz * east - rx * north) * np.float32(2 / width)
        near = np.nonzero((away > 0.12 * width) & (np.abs(across) < 1) & (up >= 0) & (up < 1) & (self.free > 0))[0]
        if near.size:
            leaf, branch = tree.seen(across[near], up[near], 0.004, season)
            self.free[near] *= np.where(leaf, 0.16, np.where(branch, 0.35, 1.0)).astype(np.float32)

    def _stop_at_box(
        self, middle: np.ndarray, along: np.ndarray, size: tuple[float, float, float], only: np.ndarray | bool
    ) -> None:
        """Take away what an upright box (length, width, height) keeps from the sun, where `only` holds.

        A ray runs over the box's plan from one crossing of its outline to another; it is stopped if it is still below
        the top at the first.
        """
        length, width, height = size
        a, b = np.float32(along), np.float32([along[1], -along[0]])
        rx, rz = self.x - np.float32(middle[0]), self.z - np.float32(middle[1])
        climb = np.float32(self.climb)
        enter, leave = np.float32(0), np.float32(np.inf)
        for axis, half in ((a, length / 2), (b, width / 2)):
            place = rx * axis[0] + rz * axis[1]
            way = float(axis @ self.toward)
            way = math.copysign(max(abs(way), 1e-4), way)
            one, two = (-half - place) * np.float32(1 / way), (half - place) * np.float32(1 / way)
            enter = np.maximum(enter, np.minimum(one, two))
            leave = np.minimum(leave, np.maximum(one, two))
        under = self.y + enter * climb < height - 0.02
        stopped = np.nonzero((leave > enter + 0.05) & (leave > 0.08) & under & only)[0]
        if not stopped.size:
            return
        enter = enter[stopped]
        soft = self.footprint[stopped] + 0.012 * enter
        through = np.minimum((leave[stopped] - enter) / (2 * soft), 1)
        below = np.minimum((height - self.y[stopped] - enter * climb) / soft, 1)
        self.free[stopped] *= 1 - through * below
