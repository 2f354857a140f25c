"""Which body each sample sees: rays against the ground, convex solids and upright cards (a depth buffer)."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sceneshift.streets.camera import NEAR, Camera, Rect

SKY, GROUND = -2, -1  # owners that are not bodies


@dataclass
class Solid:
    """A convex body: points p with normals @ p <= offsets. Faces are numbered as the planes are.

    normals: [faces, 3]. offsets: [faces]. corners: [8, 3], a hull that holds the body.
    """

    normals: np.ndarray
    offsets: np.ndarray
    corners: np.ndarray


@dataclass
class Card:
    """An upright rectangle that turns to the camera: trees, people, posts.

    foot: [3], its lower middle. width, height: metres. covers: takes across in [-1, 1], up in [0, 1] and the footprint
    of a sample in shares of the height, and says which samples the card hides; None: all.
    """

    foot: np.ndarray
    width: float
    height: float
    covers: Callable[[np.ndarray, np.ndarray, float], np.ndarray] | None = None

    @property
    def corners(self) -> np.ndarray:
        """[8, 3], a hull that holds the card however it turns."""
        half = self.width / 2
        return self.foot + np.array([[half, 0, half], [half, 0, -half], [-half, 0, half], [-half, 0, -half],
                                     [half, self.height, half], [half, self.height, -half],
                                     [-half, self.height, half], [-half, self.height, -half]])  # fmt: skip


@dataclass
class Buffer:
    """What the samples see. depth: along the camera's axis, metres. owner: number of the body, or SKY or GROUND.
    face: of a solid. across, up: of a card, as in `Card`. All [height, width]."""

    rays: np.ndarray
    camera: Camera
    depth: np.ndarray = field(init=False)
    owner: np.ndarray = field(init=False)
    face: np.ndarray = field(init=False)
    across: np.ndarray = field(init=False)
    up: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        shape = self.rays.shape[1:]
        self.depth = np.full(shape, np.inf, np.float32)
        self.owner = np.full(shape, SKY, np.int16)
        self.face = np.zeros(shape, np.int8)
        self.across, self.up = np.zeros((2, *shape), np.float32)

    def ground(self) -> None:
        """Everything below the horizon is ground until something stands before it."""
        fall = self.rays[1]
        below = fall < -1e-4
        self.depth[below] = (-self.camera.position[1] / fall[below]).astype(np.float32)
        self.owner[below] = GROUND

    def draw(self, bodies: list["Solid | Card"]) -> None:
        """Draw all bodies where they are nearest; each one's number in the list is its owner."""
        hulls = np.array([body.corners for body in bodies]).reshape(-1, 8, 3)
        for owner, (body, rect) in enumerate(zip(bodies, self.camera.rects(hulls), strict=True)):
            if rect is not None:
                (self._solid if isinstance(body, Solid) else self._card)(body, owner, rect)

    def _solid(self, body: Solid, owner: int, rect: Rect) -> None:
        x, y, z = self.rays[:, rect[0], rect[1]]
        ahead = (body.offsets - body.normals @ self.camera.position).astype(np.float32)
        enter = np.full(x.shape, NEAR, np.float32)
        leave = self.depth[rect]
        face = np.zeros(x.shape, np.int8)
        for number, ((a, b, c), distance) in enumerate(zip(body.normals.astype(np.float32), ahead, strict=True)):
            along = b * y if a == 0 and c == 0 else a * x + c * z if b == 0 else a * x + b * y + c * z
            if distance < 0:  # the camera is on the outer side: rays enter here
                here = np.where(along < -1e-7, distance / np.minimum(along, -1e-7), np.inf)
                later = here > enter
                enter = np.where(later, here, enter)
                face[later] = number
            else:
                leave = np.where(along > 1e-7, np.minimum(leave, distance / np.maximum(along, 1e-7)), leave)
        hit = (enter < leave) & (enter > NEAR)
        self._put(rect, hit, enter, owner)
        self.face[rect][hit] = face[hit]

    def _card(self, card: Card, owner: int, rect: Rect) -> None:
        away = card.foot - self.camera.position
        flat = float(np.hypot(away[0], away[2]))
        if flat < 2.2:
            return  # it would hide the street
        facing = np.array([away[0], away[2]]) / flat
        right = np.array([facing[1], -facing[0]])
        half = card.width / 2
        x, y, z = self.rays[:, rect[0], rect[1]]
        toward = np.float32(facing[0]) * x + np.float32(facing[1]) * z
        depth = np.float32(flat) / np.maximum(toward, 1e-3)
        across = depth * (np.float32(right[0]) * x + np.float32(right[1]) * z) * np.float32(1 / half)
        up = (depth * y - np.float32(away[1])) * np.float32(1 / card.height)
        hit = (np.abs(across) < 1) & (up >= 0) & (up < 1) & (depth < self.depth[rect])
        if card.covers is not None and hit.any():
            hit[hit] = card.covers(across[hit], up[hit], flat / self.camera.focal / card.height)
        self._put(rect, hit, depth, owner)
        self.across[rect][hit] = across[hit]
        self.up[rect][hit] = up[hit]

    def _put(self, rect: Rect, hit: np.ndarray, depth: np.ndarray, owner: int) -> None:
        self.depth[rect][hit] = depth[hit]
        self.owner[rect][hit] = owner


def box(center: np.ndarray, along: np.ndarray, size: tuple[float, float, float], base: float = 0.0) -> Solid:
    """A box on the level `base`. center: [2] x and z. along: [2], unit, its length's direction. size: length, width,
    height. Faces: 0 and 1 at the ends of its length (front, back), 2 and 3 at its sides (left, right), 4 the top."""
    length, width, height = size
    a = np.array([along[0], 0, along[1]])
    s = np.array([along[1], 0, -along[0]])  # to the right of `along`
    c = np.array([center[0], 0, center[1]])
    up = np.array([0.0, 1, 0])
    normals = np.stack([a, -a, -s, s, up, -up] if base > 0 else [a, -a, -s, s, up])
    offsets = np.array(
        [a @ c + length / 2, -(a @ c) + length / 2, -(s @ c) + width / 2, s @ c + width / 2, base + height, -base]
    )[: len(normals)]
    corners = np.array([c + i * a * length / 2 + j * s * width / 2 + up * h
                        for i in (-1, 1) for j in (-1, 1) for h in (base, base + height)])  # fmt: skip
    return Solid(normals, offsets, corners)
