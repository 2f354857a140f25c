"""Give every sample its material."""

from itertools import pairwise

import numpy as np

from sceneshift.streets import planting, vehicles, weather
from sceneshift.streets.blocks import shade_block
from sceneshift.streets.facades import Facades
from sceneshift.streets.ground import Ground
from sceneshift.streets.samples import Samples
from sceneshift.streets.scene import Scene
from sceneshift.streets.surface import Surface, dot
from sceneshift.streets.tracing import GROUND


def surface_of(scene: Scene, samples: Samples) -> Surface:
    """The surface that the samples see where they do not see the sky."""
    solid = samples.solid
    rays, depth = samples.rays[:, solid], samples.depth[solid]
    position = rays * depth + scene.camera.position.astype(np.float32)[:, None]
    slant = np.sqrt(dot(rays, rays))
    footprint = depth * samples.span[solid] * np.float32(1.1 / scene.camera.focal)
    seen = samples.face[solid], samples.across[solid], samples.up[solid]
    return Surface(position, rays / slant, depth, depth * slant, footprint, *seen)


def shade(scene: Scene, samples: Samples, s: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Fill the surface's materials. Returns how much of a mirror rain makes each sample, float32 [M], and what
    share of it is lawn, [M]."""
    labels, night = scene.labels, scene.light.night
    owner = samples.owner[samples.solid]
    order = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[order], np.arange(GROUND, len(scene.bodies) + 1))
    parts = {n: order[a:b] for n, (a, b) in enumerate(pairwise(ends), GROUND) if b > a}
    mirror, lawn = np.zeros((2, owner.size), np.float32)
    ground = parts.pop(GROUND, None)
    if ground is not None:
        loose, lawn[ground] = Ground(scene.draws, scene.plan).shade(s, ground, labels["season"], labels["vegetation"])
        _contact(scene, s, ground)
        weather.snow_on_ground(s, ground, scene.plan, loose, labels["snow"])
        mirror[ground] = weather.wet_ground(s, ground, scene.plan, loose, labels["rain"], labels["snow"])
    count = len(scene.houses)
    built = np.nonzero((owner >= 0) & (owner < count))[0]
    if built.size:
        Facades(scene.houses, scene.plan.kind).shade(s, built, owner[built].astype(np.int64), night)
        weather.snow_on_roofs(s, built[s.face[built] >= 4], labels["snow"])
    for n, at in parts.items():
        kind, k = scene.bodies[n]
        if kind in ("car", "cabin"):
            vehicles.shade_vehicle(scene.cars[k], s, at, kind == "cabin", night, labels["snow"])
        elif kind == "hedge":
            normal = scene.hedges[k].normals.astype(np.float32)[s.face[at]].T
            planting.shade_hedge(s, at, normal, scene.draws("hedge", "tint", k).random(), labels["season"])
            weather.snow_on_roofs(s, at, labels["snow"])
        elif kind == "block":
            shade_block(scene.blocks[k], s, at)
            weather.snow_on_roofs(s, at, labels["snow"])
        elif kind == "tree":
            right = _right(scene, scene.trees[k].card.foot)
            planting.shade_tree(scene.trees[k], s, at, right, labels["season"], labels["snow"])
        elif kind == "item":
            item = scene.items[k]
            s.albedo[:, at] = item.paint(s.across[at], s.up[at])
            away = (item.card.foot - scene.camera.position).astype(np.float32)
            right = _right(scene, item.card.foot)
            s.normal[:, at] = (-away / np.linalg.norm(away))[:, None] + 0.8 * right[:, None] * s.across[at]
    s.normal /= np.sqrt(dot(s.normal, s.normal)) + 1e-6
    return mirror, lawn


def _right(scene: Scene, foot: np.ndarray) -> np.ndarray:
    """The direction in which a card at `foot` spreads, [3]."""
    away = foot - scene.camera.position
    return (np.array([away[2], 0, -away[0]]) / np.hypot(away[0], away[2])).astype(np.float32)


def _contact(scene: Scene, s: Surface, ground: np.ndarray) -> None:
    """The dark under vehicles and around the foot of trees and hedges."""
    x, z = s.position[0, ground], s.position[2, ground]
    dark = s.ambient[ground]
    for car in scene.cars:
        a, b = car.along.tolist()
        rx, rz = x - np.float32(car.center[0]), z - np.float32(car.center[1])
        near = np.nonzero((np.abs(rx) < car.length) & (np.abs(rz) < car.length))[0]
        rx, rz = rx[near], rz[near]
        ahead = np.abs(rx * a + rz * b) - car.length / 2 + 0.15
        aside = np.abs(rx * b - rz * a) - car.width / 2 + 0.15
        away = np.maximum(np.maximum(ahead, aside), 0)
        dark[near] *= 1 - 0.85 * np.exp(-away / 0.22)
    for tree in scene.trees:
        wide = 0.3 if tree.card.height > 3 else 0.5 * tree.card.width
        rx, rz = x - np.float32(tree.card.foot[0]), z - np.float32(tree.card.foot[2])
        near = np.nonzero((np.abs(rx) < 4 * wide) & (np.abs(rz) < 4 * wide))[0]
        dark[near] *= 1 - 0.4 * np.exp(-np.hypot(rx[near], rz[near]) / wide)
    s.ambient[ground] = dark
