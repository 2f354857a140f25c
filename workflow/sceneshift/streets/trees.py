"""Trees as pictures: grown once from a skeleton of branches, then placed, tinted, lit and stripped of leaves.

A tree's picture has no light in it. It says for every point how the leaf there is turned, how deep inside the crown it
is, in which order it falls, and whether a branch is behind it.
"""

import math
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from sceneshift.streets.draws import hashed

HABITS = ("round", "oval", "spreading", "columnar", "conifer", "bush", "weeping", "young")
VARIANTS = 3
SIDE, LEVELS = 256, 7
NX, NY, NZ, DEPTH, RANK, LEAF, BRANCH = CHANNELS = tuple(range(7))

_OFFSETS = np.cumsum([0] + [(SIDE >> level) ** 2 for level in range(LEVELS)])
# Crown: how high it starts, its middle's height, half width and half height, in tree heights.
_CROWN = {
    "round": (0.28, 0.62, 0.36, 0.37), "oval": (0.24, 0.60, 0.27, 0.40), "spreading": (0.26, 0.62, 0.49, 0.33),
    "columnar": (0.08, 0.54, 0.13, 0.46), "conifer": (0.06, 0.50, 0.26, 0.50), "bush": (0.02, 0.45, 0.48, 0.53),
    "weeping": (0.30, 0.58, 0.42, 0.40), "young": (0.42, 0.70, 0.20, 0.28),
}  # fmt: skip


def sample_tree(
    number: int, across: np.ndarray, up: np.ndarray, footprint: float, channels: tuple[int, ...] = CHANNELS
) -> np.ndarray:
    """A tree's picture at across in [-1, 1], up in [0, 1]: float32 [channels, M], in [0, 1].

    footprint: size of a sample in tree heights. NX, NY, NZ: how the leaf is turned, to the right, up and to the viewer
    (0.5: not at all). DEPTH: 0 inside, 1 at the crown's rim. RANK: the lowest fall last. LEAF, BRANCH: coverage.
    """
    level = min(max(int(math.log2(max(footprint * SIDE, 1e-6)) + 0.4), 0), LEVELS - 1)
    side = SIDE >> level
    column, row = (across * 0.5 + 0.5) * side, (1 - up) * side
    if footprint * SIDE < 1:  # half a cell of jitter, so that close trees show leaves and not cells
        place = (across * 9973).astype(np.int32), (up * 9973).astype(np.int32)
        column, row = column + (hashed(1, *place) - 0.5), row + (hashed(2, *place) - 0.5)
    column = np.clip(column, 0, side - 1).astype(np.int32)
    row = np.clip(row, 0, side - 1).astype(np.int32)
    place, picture = row * side + (column + np.int32(_OFFSETS[level])), _picture(number)
    return np.stack([picture[channel].take(place) for channel in channels]) * np.float32(1 / 255)


@cache
def _picture(number: int) -> np.ndarray:
    """Picture `number` of HABITS x VARIANTS with its averages over larger cells, uint8 [7, cells]."""
    habit = HABITS[number % len(HABITS)]
    rng = np.random.Generator(np.random.Philox([77, number]))
    joints, parents, weight = _conifer(rng) if habit == "conifer" else _skeleton(rng, habit)
    scale = 2 * SIDE
    branch = Image.new("L", (scale, scale))
    draw = ImageDraw.Draw(branch)
    for k in range(1, len(joints)):
        a, b = joints[parents[k]], joints[k]
        thick = max(1, round(scale * min(0.0036 * weight[k] ** 0.5, 0.034))) if habit != "bush" else 1
        (ax, ay), (bx, by) = _place(a, scale), _place(b, scale)
        draw.line([ax, ay, bx, by], fill=255, width=thick)
        if thick > 3:  # no notches where thick lines meet
            draw.ellipse([bx - thick / 2, by - thick / 2, bx + thick / 2, by + thick / 2], fill=255)
    turned, facts = Image.new("RGB", (scale, scale), (128, 128, 255)), Image.new("RGB", (scale, scale))
    paint, note = ImageDraw.Draw(turned), ImageDraw.Draw(facts)
    for (x, y, z), (nx, ny, nz), size, depth, rank in zip(*_leaves(rng, habit, joints, weight), strict=True):
        cx, cy = _place((x, y, z), scale)
        angle, radius = 6.28 * rank, size * scale
        corners = [
            (cx + radius * math.cos(angle + t), cy + 0.8 * radius * math.sin(angle + t))
            for t in (0, 1.3, 2.6, 3.9, 5.2)
        ]
        paint.polygon(corners, fill=(int(127.5 + 127 * nx), int(127.5 + 127 * ny), int(127.5 + 127 * nz)))
        note.polygon(corners, fill=(int(255 * depth), int(255 * rank), 255))
    layers = np.concatenate([np.asarray(turned), np.asarray(facts), np.asarray(branch)[..., None]], 2).astype(
        np.float32
    )
    layers[..., :5] *= layers[..., 5:6] / 255  # averages weighted by coverage, so that rims stay leaf-colored
    levels = []
    for _ in range(LEVELS):
        layers = (layers[::2, ::2] + layers[1::2, ::2] + layers[::2, 1::2] + layers[1::2, 1::2]) / 4
        inside = layers[..., :5] / np.maximum(layers[..., 5:6] / 255, 1e-3)
        levels.append(np.concatenate([inside, layers[..., 5:]], 2).reshape(-1, 7))
    return np.clip(np.concatenate(levels).T, 0, 255).astype(np.uint8, order="C")


def _place(point, scale: int) -> tuple[float, float]:
    return (0.5 + point[0]) * scale, (1 - point[1]) * scale


def _skeleton(rng: np.random.Generator, habit: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints [N, 3], the joint each grows from [N], and how many tips it carries [N].

    Tips are scattered in the crown and joined, from the trunk outwards, to the nearest branch (as space colonization
    does, Runions et al. 2007).
    """
    start, middle, wide, high = _CROWN[habit]
    joints = [np.array([0.0, 0.0, 0.0])]
    parents = [0]
    lean = rng.normal(0, 0.02, 2)
    for h in np.linspace(0.08, start + 0.5 * (middle - start), 6):
        joints.append(np.array([lean[0] * h, h, lean[1] * h]) + np.append(rng.normal(0, 0.004, 2), 0)[[0, 2, 1]])
        parents.append(len(joints) - 2)
    count = {"young": 70, "columnar": 130, "bush": 170}.get(habit, 200)
    tips = rng.normal(size=(count, 3))
    tips /= np.linalg.norm(tips, axis=1, keepdims=True)
    around = np.arctan2(tips[:, 0], tips[:, 1])
    lumps = 0.92 + 0.16 * np.sin(2 * around + 6 * rng.random()) + 0.15 * np.sin(5 * around + 6 * rng.random())
    tips *= (rng.random((count, 1)) ** 0.4) * lumps[:, None]
    tips *= np.array([wide, high, wide]) * 0.86
    tips[:, 1] += middle
    tips = tips[tips[:, 1] > start * 0.9]
    trunk = joints[-1]
    known = np.full((len(joints) + 2 * len(tips), 3), 99.0)
    known[: len(joints)] = joints
    detour = 0.25 * np.linalg.norm(known - trunk, axis=1) + 9 * (known[:, 1] < start * 0.9)
    size = len(joints)
    for tip in tips[np.argsort(np.linalg.norm(tips - trunk, axis=1))]:
        away = np.sqrt(((known[:size] - tip) ** 2).sum(1)) + detour[:size]
        near = int(np.argmin(away))
        bend = (known[near] + tip) / 2 + rng.normal(0, 0.012, 3) - np.array([0, 0.012 * (habit != "weeping"), 0])
        known[size : size + 2] = bend, tip
        detour[size : size + 2] = [0.25 * math.dist(p, trunk) + 9 * (p[1] < start * 0.9) for p in (bend, tip)]
        parents += [near, size]
        size += 2
    joints = known[:size]
    weight = np.ones(len(joints))
    for k in range(len(joints) - 1, 0, -1):
        weight[parents[k]] += weight[k]
    joints, parents = _twigs(rng, habit, np.array(joints), np.array(parents))
    return joints, parents, np.concatenate([weight * 0.5, np.full(len(joints) - len(weight), 0.12)])


def _twigs(
    rng: np.random.Generator, habit: str, joints: np.ndarray, parents: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    start = _CROWN[habit][0]
    from_ = np.repeat(np.nonzero(joints[:, 1] > start + 0.04)[0], 3)
    way = rng.normal(0, 0.028, (len(from_), 3)) + np.array([0, -0.045 if habit == "weeping" else 0.016, 0])
    return np.concatenate([joints, joints[from_] + way]), np.concatenate([parents, from_])


def _conifer(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    joints, parents, weight = [np.zeros(3)], [0], [40.0]
    wide, spine = 0.17 + 0.12 * rng.random(), 0
    for n in range(26):
        h = 0.05 + 0.93 * n / 25
        joints.append(np.array([0, h, 0]))
        parents.append(spine)
        weight.append(40.0 * (1 - h) + 1)
        spine = len(joints) - 1
        for _ in range(7):
            angle, reach = 6.28 * rng.random(), wide * (1.02 - h) ** 0.85 * (0.7 + 0.45 * rng.random())
            for part in (0.5, 1.0):
                tip = np.array(
                    [math.cos(angle) * reach * part, h - 0.22 * reach * part + 0.01, math.sin(angle) * reach * part]
                )
                joints.append(tip)
                parents.append(spine if part == 0.5 else len(joints) - 2)
                weight.append(0.5)
    return np.array(joints), np.array(parents), np.array(weight)


def _leaves(rng: np.random.Generator, habit: str, joints: np.ndarray, weight: np.ndarray):
    """Clumps of leaves, far to near: positions, directions they face, sizes, depths in the crown, and ranks."""
    start, middle, wide, high = _CROWN[habit]
    thin = np.nonzero((weight < 1.2) & (joints[:, 1] > start * 0.95))[0]
    count = {"conifer": 4200, "young": 1500, "columnar": 3000, "bush": 5200}.get(habit, 4600)
    home = joints[thin[rng.integers(len(thin), size=count)]]
    spread = 0.012 if habit == "conifer" else 0.020
    points = home + rng.normal(0, spread, (count, 3)) * np.array([1, 0.8, 1])
    if habit == "weeping":
        points[:, 1] -= 0.12 * rng.random(count) ** 2
    outward = (points - np.array([0, middle - 0.1, 0])) / np.array([wide, high, wide])
    depth = np.clip(np.linalg.norm(outward, axis=1), 0, 1.2) / 1.2
    if habit == "conifer":
        depth = np.clip(np.hypot(points[:, 0], points[:, 2]) / (0.3 * (1.05 - points[:, 1])), 0, 1)
        outward = points * np.array([5, 0, 5]) + np.array([0, 0.5, 0])
    faces = outward / (np.linalg.norm(outward, axis=1, keepdims=True) + 1e-6)
    faces = faces * 0.75 + (points - home) / spread * 0.28 + rng.normal(0, 0.22, (count, 3))
    faces[:, 2] = -faces[:, 2]  # towards the viewer, who is at negative z
    faces /= np.linalg.norm(faces, axis=1, keepdims=True) + 1e-6
    size = (0.008 if habit == "conifer" else 0.0115) * (0.5 + 0.9 * rng.random(count))
    # Leaves fall in bunches: the rank is partly the home's.
    rank = np.clip(0.55 * rng.random(count) + 0.45 * np.modf(home.sum(1) * 977.0)[0] % 1.0, 0, 0.999)
    order = np.argsort(-points[:, 2])
    return points[order], faces[order], size[order], depth[order], rank[order]
