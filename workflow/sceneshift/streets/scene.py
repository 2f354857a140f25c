"""What stands in a street, and what the camera sees of it."""

import numpy as np

from sceneshift.streets import planting, vehicles
from sceneshift.streets.blocks import blocks_of
from sceneshift.streets.buildings import buildings_of
from sceneshift.streets.camera import Camera
from sceneshift.streets.draws import Draws
from sceneshift.streets.furniture import items_of
from sceneshift.streets.lamps import lamps_of
from sceneshift.streets.light import Light
from sceneshift.streets.plan import plan_of
from sceneshift.streets.tracing import Buffer, Card, Solid
from sceneshift.streets.wires import poles_of


class Scene:
    """A street, its camera and its light.

    bodies: of each body in the depth buffer, its kind (house, car, cabin, block, hedge, tree, item) and its number
        among them.
    """

    def __init__(self, draws: Draws, shape: tuple[int, int], samples: int, labels: dict[str, float]) -> None:
        self.draws, self.labels = draws, labels
        self.plan = plan_of(draws)
        self.camera = Camera(draws, self.plan, shape, samples)
        self.light = Light(draws, labels["natural_light"], labels["sunny"])
        self.houses = buildings_of(draws, self.plan, labels["vertical_components"])
        camera_x = float(self.camera.position[0])
        self.trees = planting.trees_of(draws, self.plan, camera_x, labels["vegetation"], labels["season"])
        self.hedges = planting.hedges_of(draws, self.plan, labels["vegetation"])
        self.cars = vehicles.vehicles_of(draws, self.plan, camera_x)
        self.blocks = blocks_of(draws, self.plan, self.houses)
        self.lamps = lamps_of(draws, self.plan)
        self.items = [*self.lamps.items, *items_of(draws, self.plan), *poles_of(draws, self.plan)]
        self.bodies: list[tuple[str, int]] = []

    def trace(self) -> Buffer:
        """Find what every sample sees."""
        buffer = Buffer(self.camera.rays(), self.camera)
        buffer.ground()
        bodies: list[Solid | Card] = []

        def stand(kind: str, k: int, body: Solid | Card) -> None:
            self.bodies.append((kind, k))
            bodies.append(body)

        for k, house in enumerate(self.houses):
            stand("house", k, house.solid)
        for k, car in enumerate(self.cars):
            stand("car", k, car.body)
            if car.cabin is not None:
                stand("cabin", k, car.cabin)
        for k, block in enumerate(self.blocks):
            stand("block", k, block.solid)
        for k, hedge in enumerate(self.hedges):
            stand("hedge", k, hedge)
        for k, tree in enumerate(self.trees):
            stand("tree", k, tree.card)
        for k, item in enumerate(self.items):
            stand("item", k, item.card)
        buffer.draw(bodies)
        return buffer

    def of_kind(self, *kinds: str) -> np.ndarray:
        """Whether each body is of one of these kinds, bool [bodies]."""
        return np.array([kind in kinds for kind, _ in self.bodies], bool)
