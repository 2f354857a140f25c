"""Trees, bushes and hedges: where they grow with the vegetation, how leaves look through the seasons and in snow."""

import math
from dataclasses import dataclass

import numpy as np

from sceneshift.streets import textures
from sceneshift.streets.draws import Draws, hashed
from sceneshift.streets.plan import Plan
from sceneshift.streets.surface import Surface, lay, smoothstep
from sceneshift.streets.tracing import Card, Solid, box
from sceneshift.streets.trees import BRANCH, DEPTH, HABITS, LEAF, NX, NY, NZ, RANK, VARIANTS, sample_tree

THIN = 0.5  # coverage from which a sample sees a branch

_GREENS = np.array([[0.062, 0.095, 0.024], [0.046, 0.078, 0.024], [0.085, 0.115, 0.032], [0.034, 0.060, 0.030]])
_AUTUMN = np.array(
    [[0.36, 0.235, 0.055], [0.30, 0.130, 0.035], [0.19, 0.050, 0.025], [0.17, 0.105, 0.045], [0.26, 0.205, 0.055]]
)


@dataclass
class Tree:
    """A tree or bush. number: its picture. evergreen: keeps its leaves. turning: how early it turns in autumn."""

    card: Card
    number: int
    mirrored: bool
    green: np.ndarray
    autumn: np.ndarray
    evergreen: bool
    turning: float

    def cells(self, across: np.ndarray, up: np.ndarray, footprint: float, channels: tuple[int, ...]) -> np.ndarray:
        """Its picture at across, up [M]: [channels, M], as in `sample_tree`."""
        return sample_tree(self.number, -across if self.mirrored else across, up, footprint, channels)

    def seen(self, across, up, footprint: float, season: float) -> tuple[np.ndarray, np.ndarray]:
        """Which samples [M] see leaves that have not fallen, and which see branches, if no leaf."""
        leaf, rank, branch = self.cells(across, up, footprint, (LEAF, RANK, BRANCH))
        leaves = leaf > 0.45
        if not self.evergreen:
            start = 0.40 + 0.2 * self.turning
            leaves &= rank < 1.05 - 1.25 * smoothstep(start, start + 0.40 - 0.05 * self.turning, season)
        return leaves, branch > THIN

    def color(self, season: float) -> np.ndarray:
        """Its leaves' diffuse reflectance, [3]."""
        if self.evergreen:
            return self.green
        turned = smoothstep(0.10 + 0.25 * self.turning, 0.35 + 0.3 * self.turning, season)
        return self.green + (self.autumn - self.green) * turned


def trees_of(draws: Draws, plan: Plan, camera_x: float, vegetation: float, season: float) -> list[Tree]:
    """All trees and bushes. They grow one after the other as `vegetation` goes from 0 to 1; nothing else moves."""
    trees = []
    numbers = draws("trees").random((80, 14)).tolist()
    for k, (x, z, low, high, habits, rank) in enumerate(_sites(draws, plan)):
        u = numbers[k]
        if math.hypot(x - camera_x, z) < 1.5 + 0.35 * high:
            continue  # it would fill the picture
        grown = min(max((1.12 * vegetation - rank) / 0.22, 0.0), 1.0)
        if grown < 0.06:
            continue
        habit = habits[int(len(habits) * u[0])]
        number = HABITS.index(habit) + len(HABITS) * int(VARIANTS * u[1])
        height = (low + (high - low) * u[2]) * grown**0.7
        width = height * (0.85 + 0.4 * u[3])
        evergreen = habit == "conifer" or (habit == "bush" and u[4] < 0.5)
        green = (
            _GREENS[3 if habit == "conifer" else int(3 * u[5])]
            * (0.6 + 0.75 * u[6])
            * (1 + 0.15 * (np.array(u[11:14]) - 0.5))
        )
        autumn = _AUTUMN[int(5 * u[7])] * (0.7 + 0.5 * u[8])
        card = Card(np.array([x, 0.0, z]), width, height)
        tree = Tree(card, number, u[9] < 0.5, green, autumn, evergreen, u[10])
        card.covers = lambda across, up, fp, tree=tree: np.logical_or(*tree.seen(across, up, fp, season))
        trees.append(tree)
    return trees


def _sites(draws: Draws, plan: Plan) -> list[tuple]:
    """Where trees may grow: x, z, lowest and highest height, habits, and the vegetation from which they do."""
    sites = []
    rng = draws("sites")
    town = (
        ("round", "oval", "spreading"),
        ("round", "round", "young"),
        ("columnar", "oval"),
        ("spreading",),
        ("oval",),
    )[int(5 * rng.random())]
    step, one, offset = 6.5 + 7 * rng.random(), rng.random(), 6 * rng.random()
    for side in (0, 1):
        _, kerb, strip, front = plan.edges[side]  # where each ends
        u = draws("sites", side).random((40, 6))[:, :3].tolist()
        beside: list[tuple] = []  # as the sites, with the distance from the middle line for x
        if plan.kind in ("avenue", "square"):
            if one < 0.75 or side == int(one > 0.87):
                beside += [
                    (kerb + 0.7 + 0.4 * a, offset + step * k + 2 * b, 5, 12, town, 0.15 + 0.75 * c)
                    for k, (a, b, c) in enumerate(u[:9])
                ]
            if plan.kind == "square":
                beside += [(strip * (0.6 + 0.4 * a), 8 + 40 * b, 5, 13, town, 0.1 + 0.85 * c) for a, b, c in u[9:17]]
            beside += [(front - 0.6, 4 + 40 * b, 0.8, 2.2, ("bush",), 0.1 + 0.8 * c) for _, b, c in u[17:22]]
        elif plan.kind == "lane":
            beside += [
                (front - 0.35 * a, 3 + 36 * b**1.4, 0.7, 2.8, ("bush", "bush", "young"), 0.05 + 0.9 * c)
                for a, b, c in u[:7]
            ]
            beside.append((front - 0.4, 12 + 22 * u[8][1], 5, 9, town, 0.3 + 0.6 * u[8][2]))
        elif plan.kind == "suburb":
            garden = front - strip
            beside += [
                (strip + garden * a, 4 + 62 * b, 4, 13, (*town, "conifer", "weeping"), 0.1 + 0.85 * c)
                for a, b, c in u[:10]
            ]
            beside += [
                (strip + garden * (0.3 + 0.7 * a), 3 + 40 * b, 0.9, 2.6, ("bush",), 0.05 + 0.9 * c)
                for a, b, c in u[10:18]
            ]
            beside += [
                (front + 9 + 8 * a, 5 + 60 * b, 8, 17, ("round", "spreading", "conifer"), 0.1 + 0.8 * c)
                for a, b, c in u[18:22]
            ]
        elif plan.kind == "country":
            wood, mixed = u[39][0] < 0.5, ("round", "conifer", "oval", "spreading", "conifer")
            beside += [
                (strip + (3 + 14 * a if wood else 40 * a**1.3), 6 + 110 * b**1.3, 6, 18, mixed, 0.05 + 0.9 * c)
                for a, b, c in u[: 24 if wood else 14]
            ]
            beside += [(kerb + 1 + 5 * a, 4 + 50 * b, 0.8, 2.8, ("bush",), 0.05 + 0.9 * c) for a, b, c in u[24:32]]
        else:
            mixed = ("round", "oval", "spreading", "weeping", "conifer")
            beside += [(kerb + 1.5 + 24 * a**1.5, 5 + 70 * b, 6, 17, mixed, 0.05 + 0.9 * c) for a, b, c in u[:20]]
            beside += [(kerb + 0.8 + 9 * a, 3 + 40 * b, 0.8, 2.2, ("bush",), 0.05 + 0.9 * c) for a, b, c in u[20:28]]
        sign = 1 if side else -1
        sites += [(plan.center(z) + sign * lateral, z, *rest) for lateral, z, *rest in beside]
    return sites


def hedges_of(draws: Draws, plan: Plan, vegetation: float) -> list[Solid]:
    """Clipped hedges along front gardens and paths."""
    share = {"suburb": 0.6, "park": 0.3, "country": 0.2, "avenue": 0.10}.get(plan.kind, 0.0)
    hedges = []
    numbers = draws("hedges").random((2, 5, 6)).tolist()
    for side in (0, 1):
        sign = 1 if side else -1
        z = 1.5
        for k in range(5):
            u = numbers[side][k]
            length = 6 + 9 * u[0]
            grown = min(max((1.1 * vegetation - 0.1 - 0.75 * u[1]) / 0.25, 0.0), 1.0)
            if u[2] < share and grown > 0.05:
                middle = z + length / 2
                lateral = plan.edges[side, 2] + 0.5 + 0.4 * u[3]
                center = np.array([plan.center(middle) + sign * lateral, middle])
                hedges.append(box(center, plan.along(middle), (length, 0.8 + 0.5 * u[4], (0.8 + 1.0 * u[5]) * grown)))
            z += length + (1.2 if u[2] < 0.8 else 4.0)
    return hedges


def shade_tree(tree: Tree, s: Surface, at: np.ndarray, right: np.ndarray, season: float, snow: float) -> None:
    """Fill the surface's samples `at` [M], which see `tree`. right: [3], the card's right in the world."""
    across, up = s.across[at], s.up[at]
    fp = float(np.median(s.footprint[at])) / tree.card.height
    *turned, depth, rank = tree.cells(across, up, fp, (NX, NY, NZ, DEPTH, RANK))
    nx, ny, nz = (2 * plane - 1 for plane in turned)
    leaf, _ = tree.seen(across, up, fp, season)
    u, v = across * tree.card.width / 2, up * tree.card.height
    grain = hashed(tree.number, np.floor(u * 14), np.floor(v * 14))
    mirror = -1 if tree.mirrored else 1
    toward = np.array([right[2], 0, -right[0]], np.float32)
    normal = nx * (mirror * right)[:, None] + ny * np.float32([[0], [1], [0]]) + nz * toward[:, None]
    color = tree.color(season)[:, None].astype(np.float32) * (0.65 + 0.7 * grain + 0.25 * (rank - 0.5))
    bark = np.float32([[0.13], [0.11], [0.09]]) * (0.7 + 0.6 * grain)
    round_ = np.clip(across * tree.card.width / 0.35, -1, 1)
    bark_normal = right[:, None] * round_ + toward[:, None] * 0.6
    s.albedo[:, at] = np.where(leaf, color, bark)
    s.normal[:, at] = np.where(leaf, normal, bark_normal)
    s.wrap[at] = np.where(leaf, 0.55, 0.1)
    s.ambient[at] = np.where(leaf, 0.22 + 0.78 * depth**1.6 * (0.55 + 0.45 * up), 0.75)
    if snow > 0:
        open_above = ~np.logical_or(*tree.seen(across, np.minimum(up + 0.012, 0.999), fp, season))
        lying = np.where(leaf, smoothstep(-0.1, 0.7, ny + 0.5 * (grain - 0.5)) * 0.9, open_above * (up > 0.25))
        share = np.clip(lying * 1.15 * min(1.0, 1.4 * snow), 0, 1)
        color = s.albedo[:, at]
        lay(color, np.array([0.80, 0.82, 0.85]), share)
        s.albedo[:, at] = color


def shade_hedge(s: Surface, at: np.ndarray, normal: np.ndarray, tint: float, season: float) -> None:
    """Fill the surface's samples `at` [M], which see clipped hedges with these face normals [3, M]."""
    x, y, z = s.position[:, at]
    fp = s.footprint[at]
    tone = textures.sample(textures.LEAVES, x + 0.6 * y, z + 0.8 * y, fp)
    green = _GREENS[1] * (0.7 + 0.8 * tint)
    green = green + (np.array([0.14, 0.085, 0.03]) - green) * 0.5 * smoothstep(0.45, 0.9, season) * (tint < 0.5)
    s.albedo[:, at] = np.clip(green[:, None] * (1 + 0.55 * tone), 0.006, 0.6)
    wobble = textures.sample(textures.GRAIN, x + 0.6 * y, z + 0.8 * y, fp)
    s.normal[:, at] = normal
    s.normal[1, at] += 0.35 * wobble
    s.wrap[at] = 0.4
    s.ambient[at] = np.clip(0.75 + 0.2 * tone, 0.3, 1) * (1 - 0.5 * np.exp(-y / 0.35))
