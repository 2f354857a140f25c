"""Cars, vans and buses: two convex bodies each, with wheels, panes and lights painted on."""

from dataclasses import dataclass

import numpy as np

from sceneshift.streets.draws import Draws
from sceneshift.streets.plan import Plan
from sceneshift.streets.surface import Surface, cover, dot, lay
from sceneshift.streets.tracing import Solid

FRONT, BACK, LEFT, RIGHT = range(4)


@dataclass
class Vehicle:
    """A vehicle. center: [2], x and z. along: [2], unit, where it heads. length, width, belt (lower edge of its panes),
    height: metres. driving: its lights are on at night."""

    center: np.ndarray
    along: np.ndarray
    length: float
    width: float
    belt: float
    height: float
    color: np.ndarray
    driving: bool
    body: Solid
    cabin: Solid | None


@dataclass(frozen=True)
class _Stand:
    """Where a vehicle is: metres from the middle line and along the street; heading: 1 away from the camera, or -1."""

    lateral: float
    z: float
    heading: int
    driving: bool


def vehicles_of(draws: Draws, plan: Plan, camera_x: float) -> list[Vehicle]:
    """Parked and driving vehicles, near to far."""
    rng = draws("traffic")
    busy, parked, keep_right = rng.random(), rng.random(), rng.random() < 0.8
    vehicles = []
    places, lanes = rng.random((2, 9, 3)).tolist(), rng.random((6, 2)).tolist()
    dense = {"avenue": 0.8, "lane": 0.25, "suburb": 0.45, "square": 0.4, "country": 0.0, "park": 0.0}[
        plan.kind
    ] * parked**0.7
    for side in (0, 1):
        for k in range(9):
            u = places[side][k]
            z = 4.0 + 6.1 * k + 0.8 * u[1] - 8
            free = all(abs(z - c) > plan.crossing_width + 3 for c in plan.crossings)
            if u[0] < dense and free and plan.road > 2.3:
                lateral = (1 if side else -1) * (plan.road - 1.05)
                heading = 1 if (side == 1) == keep_right or u[2] < 0.1 else -1
                vehicles.append(_place(draws, ("parked", side, k), plan, _Stand(lateral, z, heading, False), camera_x))
    count = {"avenue": 3.8, "lane": 0.8, "suburb": 1.4, "square": 2.2, "country": 1.7, "park": 0.0}[plan.kind] * busy
    for k in range(int(count + rng.random())):
        u = lanes[k]
        lane = 1 if u[0] < 0.5 else -1
        heading = lane if keep_right else -lane
        lateral = lane * (min(plan.road * 0.45, 1.9) if plan.road > 2.2 else 0.2)
        z = 7 + 55 * u[1] ** 1.4
        vehicles.append(_place(draws, ("driving", k), plan, _Stand(lateral, z, heading, True), camera_x))
    return sorted((v for v in vehicles if v is not None), key=lambda v: float(np.hypot(*v.center)))[:14]


def _place(draws: Draws, purpose: tuple, plan: Plan, stand: _Stand, camera_x: float) -> Vehicle | None:
    """A vehicle of its own kind, size and paint; None where the camera stands."""
    rng = draws("vehicle", *purpose)
    u = rng.random(12).tolist()
    z, slope = stand.z, plan.slope(stand.z)
    along = stand.heading * np.array([slope, 1.0]) / np.hypot(slope, 1)
    center = np.array([plan.center(z) + stand.lateral, z])
    kind = (
        "bus"
        if u[0] < 0.05 and stand.driving and plan.kind == "avenue"
        else "van"
        if u[0] < 0.17
        else "suv"
        if u[0] < 0.45
        else "car"
    )
    length, width, belt, height = {
        "car": (4.1 + 0.7 * u[1], 1.75, 0.88, 1.42 + 0.08 * u[2]),
        "suv": (4.3 + 0.5 * u[1], 1.85, 1.05, 1.65 + 0.12 * u[2]),
        "van": (4.9 + 1.2 * u[1], 1.95, 1.15, 1.95 + 0.6 * u[2]),
        "bus": (11.0, 2.5, 1.3, 3.1),
    }[kind]
    if abs(z) < length / 2 + 1.6 and abs(center[0] - camera_x) < width / 2 + 1.0:
        return None
    # Planes as (ahead, up, right, offset). The first are the front, the back, the left and the right.
    nose, half = length / 2, width / 2
    if kind in ("van", "bus"):
        planes = [(1, 0.12, 0, nose + 0.05), (-1, 0, 0, nose), (0, 0.03, -1, half), (0, 0.03, 1, half)]
        planes.append((0, 1, 0, height))
        if kind == "van":
            planes.append((0.8, 1, 0, 0.8 * (nose - 0.75) + height))
        body, cabin = _solid(center, along, planes, length, width, height), None
    else:
        planes = [(1, 0.15, 0, nose + 0.06), (-1, 0.12, 0, nose + 0.05), *_sides(0.06, half + 0.03)]
        planes += [(0, 1, 0, belt), (0.22, 1, 0, 0.22 * nose + 0.80 * belt)]
        for s in (-1, 1):  # corners and shoulders cut off
            planes += [(1, 0, 0.8 * s, nose + 0.8 * half - 0.22), (-1, 0, 0.8 * s, nose + 0.8 * half - 0.15)]
            planes.append((0, 1, 0.6 * s, belt + 0.6 * half - 0.07))
        body = _solid(center, along, planes, length, width, belt)
        hatch = kind == "suv" or u[3] >= 0.5
        screen, rear = 0.22 * length, (0.46 if hatch else 0.36) * length
        planes = [(0.85, 1, 0, 0.85 * screen + belt), (-1, 0.22 if hatch else 0.55, 0, rear + 0.4)]
        planes += [*_sides(0.28, half + 0.28 * belt - 0.06), (0, 1, 0, height), (0, -1, 0, -belt + 0.02)]
        planes += [(0, 1, 0.7 * s, height + 0.7 * half - 0.24) for s in (-1, 1)]
        planes.append((0.35, 1, 0, height + 0.007 * length))
        cabin = _solid(center, along, planes, length, width, height)
    return Vehicle(center, along, length, width, belt, height, _paint(rng, kind), stand.driving, body, cabin)


def _sides(lean: float, offset: float) -> list[tuple[float, float, float, float]]:
    return [(0, lean, -1, offset), (0, lean, 1, offset)]


def _solid(center, along, planes, length, width, height) -> Solid:
    """A solid from planes (ahead, up, right, offset) in the vehicle's own frame."""
    a, s, up = np.array([along[0], 0, along[1]]), np.array([along[1], 0, -along[0]]), np.array([0.0, 1, 0])
    c = np.array([center[0], 0, center[1]])
    normals = np.array([p[0] * a + p[1] * up + p[2] * s for p in planes], float)
    size = np.linalg.norm(normals, axis=1)
    offsets = (np.array([p[3] for p in planes]) + normals @ c) / size
    corners = np.array(
        [
            c + i * a * (length / 2 + 0.1) + j * s * width / 2 + up * h
            for i in (-1, 1)
            for j in (-1, 1)
            for h in (0, height)
        ]
    )
    return Solid(normals / size[:, None], offsets, corners)


def _paint(rng: np.random.Generator, kind: str) -> np.ndarray:
    """Colors as they are sold: white, black, grey, silver most; then blue, red and the rest."""
    choices = np.array([[0.62, 0.62, 0.61], [0.015, 0.015, 0.017], [0.10, 0.105, 0.11], [0.33, 0.34, 0.35],
                        [0.03, 0.06, 0.18], [0.30, 0.018, 0.02], [0.05, 0.09, 0.06], [0.42, 0.30, 0.05],
                        [0.20, 0.16, 0.12]])  # fmt: skip
    shares = np.array([0.27, 0.20, 0.18, 0.12, 0.09, 0.07, 0.03, 0.02, 0.02])
    if kind in ("van", "bus"):
        shares = np.array([0.5, 0.04, 0.1, 0.1, 0.08, 0.08, 0.03, 0.05, 0.02])
    return choices[int(np.searchsorted(np.cumsum(shares), rng.random() * 0.9999))] * (0.75 + 0.45 * rng.random())


def shade_vehicle(v: Vehicle, s: Surface, at: np.ndarray, cabin: bool, night: float, snow: float) -> None:
    """Fill the surface's samples `at` [M], which see a vehicle's body or cabin."""
    solid, face = v.cabin if cabin else v.body, s.face[at]
    x, y, z = s.position[:, at]
    fp = s.footprint[at]
    normal = solid.normals.astype(np.float32)[face].T
    rx, rz = x - np.float32(v.center[0]), z - np.float32(v.center[1])
    ahead = rx * np.float32(v.along[0]) + rz * np.float32(v.along[1])
    right = rx * np.float32(v.along[1]) - rz * np.float32(v.along[0])
    albedo = np.repeat(v.color.astype(np.float32)[:, None], at.size, 1)
    emission = np.zeros_like(albedo)
    grazing = (1 - np.minimum(np.abs(dot(normal, s.view[:, at])), 1)) ** 3
    mirror = 0.04 + 0.4 * grazing
    pane = np.zeros(at.size, np.float32)
    sideways = (face == LEFT) | (face == RIGHT)
    if cabin:
        pillar = np.minimum(np.abs(ahead + 0.05 * v.length), np.abs(ahead + 0.25 * v.length)) - 0.05
        pane = np.where(face == 4, np.float32(0), cover(y - v.height + 0.1, fp)) * np.where(
            sideways, 1 - cover(pillar, fp), np.float32(1)
        )
    elif v.cabin is None:  # vans and buses: panes on the body itself
        window = np.abs(y - (v.belt + v.height) / 2 - 0.05) - (v.height - v.belt) * 0.3
        bus = v.length > 9
        window = np.where(sideways, np.maximum(window, 0 * ahead if bus else v.length / 2 - 1.9 - ahead), window)
        pane = np.where(face == 4, 0, cover(window, fp))
        pane = np.where(face == 5, np.float32(0.95), pane)  # a van's windscreen
        if bus:
            pane *= 1 - sideways * cover(np.abs((ahead / 1.5) % 1 - 0.5) * 1.5 - 0.06, fp)
            emission += pane * night * 0.7 * np.array([[1.0], [0.92], [0.75]])
    lay(albedo, np.array([0.018, 0.02, 0.022]), pane)
    mirror = np.maximum(mirror, pane * (0.07 + 0.5 * grazing))
    ambient = np.ones_like(y)
    if not cabin:
        ambient = 1 - 0.6 * np.exp(-y / 0.25)
        axle = 0.31 * v.length
        wheel = np.hypot(np.abs(ahead) - axle, y - 0.33)
        lay(albedo, np.array([0.008, 0.008, 0.008]), sideways * cover(wheel - 0.40, fp))
        lay(albedo, np.array([0.02, 0.02, 0.02]), sideways * cover(wheel - 0.33, fp))
        lay(albedo, np.array([0.28, 0.28, 0.29]), sideways * cover(wheel - 0.21, fp) * 0.8)
        under = cover(y - 0.22, fp) * (sideways * (wheel > 0.34) + ~sideways)
        lay(albedo, np.array([0.006, 0.006, 0.007]), under * 0.95)
        seam = np.minimum(np.abs(ahead + 0.03 * v.length), np.abs(ahead - 0.22 * v.length)) - 0.012
        albedo *= 1 - 0.5 * sideways * cover(seam, np.maximum(fp, 0.02)) * (y > 0.3)
        ends = (face == FRONT) | (face == BACK)
        lamp = ends * cover(np.maximum(np.abs(np.abs(right) - v.width * 0.36) - 0.17, np.abs(y - 0.68) - 0.09), fp)
        lay(albedo, np.array([0.6, 0.6, 0.6]), lamp * (face == FRONT))
        lay(albedo, np.array([0.25, 0.008, 0.008]), lamp * (face == BACK))
        grille = (face == FRONT) * cover(np.maximum(np.abs(right) - 0.5, np.abs(y - 0.5) - 0.12), fp)
        lay(albedo, np.array([0.012, 0.012, 0.012]), grille * 0.9)
        plate = ends * cover(
            np.maximum(
                np.abs(right) - 0.25, np.abs(y - np.where(face == BACK, np.float32(0.62), np.float32(0.4))) - 0.06
            ),
            fp,
        )
        lay(albedo, np.array([0.6, 0.6, 0.56]), plate)
        if v.driving and night > 0:
            emission += (
                lamp
                * night
                * np.where(face == FRONT, np.array([[5.0], [4.6], [3.9]]), np.array([[1.6], [0.05], [0.03]]))
            )
        mirror *= 1 - np.clip(under + lamp, 0, 1)
    if snow > 0:
        lying = np.clip((normal[1] - 0.35) * 3, 0, 1) * min(1.0, 1.5 * snow)
        lay(albedo, np.array([0.82, 0.84, 0.87]), lying)
        mirror *= 1 - lying
    s.albedo[:, at], s.emission[:, at], s.mirror[at], s.ambient[at], s.normal[:, at] = (
        albedo,
        emission,
        mirror,
        ambient,
        normal,
    )
