"""What stands in a rendered street, and how each part of it is drawn.

Lengths are metres: X to the right of the road's middle, Y above the ground, Z ahead of the camera.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL.ImageDraw import ImageDraw

RGB = tuple[float, float, float]
Lamp = tuple[float, float, float]  # x, y, radius of its glow, in canvas pixels

SNOW: RGB = (236, 241, 249)
FACADES: tuple[RGB, ...] = (
    (186, 92, 74), (214, 178, 132), (226, 208, 176), (152, 160, 176), (204, 140, 104),
    (228, 220, 210), (166, 118, 100), (196, 164, 168), (136, 150, 178), (218, 190, 112),
)  # fmt: skip
ROOFS: tuple[RGB, ...] = ((150, 78, 62), (112, 84, 76), (96, 98, 110), (128, 102, 84))
ACCENTS: tuple[RGB, ...] = ((150, 52, 48), (48, 78, 122), (92, 62, 48), (196, 150, 60), (70, 72, 84))
CROWNS: tuple[RGB, ...] = ((84, 134, 56), (66, 122, 60), (104, 146, 58), (56, 108, 66))
BUILDINGS, TREES, CLOUDS, LOBES, OUTLINE = 7, 6, 64, 6, 26  # buildings and trees are counted for one side


@dataclass
class Scene:
    """A street's random numbers with their meaning. `side` 0 is left, 1 is right. Made by `scene_of`."""

    horizon: float  # from the top, in picture heights
    shift_x: float  # vanishing point from the picture's middle, in picture heights
    focal: float  # in picture heights
    camera_x: float
    camera_y: float
    road: float  # half width
    kerb: float  # half width to the facades
    zenith: RGB
    haze: RGB
    sun_x: float
    sun_y: float
    sun_side: int
    road_grey: float
    paving: RGB
    marking: int  # 0 dashes, 1 double line, 2 dashes and edge lines
    zebra: float  # distance of a zebra crossing; none if negative
    hills: np.ndarray  # [6]
    cloud_x: np.ndarray  # [CLOUDS]
    cloud_y: np.ndarray
    cloud_rx: np.ndarray
    cloud_ry: np.ndarray
    cloud_weight: np.ndarray
    building: list  # [2][BUILDINGS][14] in [0, 1)
    tree: list  # [2][TREES][8] in [0, 1)
    tree_rank: list  # [2][TREES]: in which order trees grow, 0 to 1
    crown: np.ndarray  # [2, TREES, OUTLINE, 2] outlines of unit crowns
    hedge: list  # [2][2]
    lamp: list  # [2]


def scene_of(random: np.random.Generator) -> Scene:
    """Draw a street. The number of draws is fixed: no part's chance depends on another part or on a label."""
    u = random.random(16).tolist()
    hue = random.random(6).tolist()
    puff = random.random((5, CLOUDS)).astype(np.float32)
    building = random.random((2, BUILDINGS, 14)).tolist()
    tree = random.random((2, TREES, 8)).tolist()
    rank = (np.argsort(random.random(2 * TREES)) / (2 * TREES - 1)).reshape(2, TREES).tolist()
    lobes = random.random((3, 2, TREES, LOBES))
    hills, hedge, lamp = random.random(6), random.random((2, 2)).tolist(), random.random(2).tolist()
    horizon = 0.50 + 0.09 * u[0]
    road = 3.1 + 1.7 * u[4]
    large = np.arange(CLOUDS) < CLOUDS // 3
    reach = np.where(large, 0.16 + 0.10 * puff[2], 0.05 + 0.06 * puff[2])
    cloud_y = horizon * (0.1 + 0.95 * puff[1])
    reach = reach * (0.55 + 0.6 * cloud_y / horizon)  # clouds near the horizon are farther and look smaller
    grey = 84 + 34 * u[7]
    return Scene(
        horizon=horizon, shift_x=0.2 * (u[1] - 0.5), focal=0.74 + 0.2 * u[2], camera_x=2.4 * (u[3] - 0.5),
        camera_y=2.0 + 0.9 * u[5], road=road, kerb=road + 2.3 + 1.3 * u[6],
        zenith=(58 + 36 * hue[0], 122 + 26 * hue[0], 206 + 22 * hue[1]),
        haze=(188 + 20 * hue[2], 212 + 10 * hue[2], 232),
        sun_x=0.5 * (u[8] - 0.5), sun_y=horizon * (0.5 + 0.35 * u[9]), sun_side=int(u[10] < 0.5),
        road_grey=grey, paving=(158 + 30 * u[11] + 10 * hue[3], 156 + 30 * u[11], 150 + 30 * u[11] - 8 * hue[3]),
        marking=int(3 * u[12]), zebra=9 + 10 * u[14] if u[13] < 0.3 else -1.0, hills=hills,
        cloud_x=1.5 * (puff[0] - 0.5), cloud_y=cloud_y, cloud_rx=1.5 * reach, cloud_ry=0.62 * reach,
        cloud_weight=np.where(large, 0.55 + 0.5 * puff[3], 0.25 + 0.35 * puff[3]).astype(np.float32),
        building=building, tree=tree, tree_rank=rank, crown=_crowns(lobes), hedge=hedge, lamp=lamp,
    )  # fmt: skip


def _crowns(lobes: np.ndarray) -> np.ndarray:
    """Outlines [2, TREES, OUTLINE, 2] of crowns made of round lobes around a middle: for every direction from the
    middle, where the ray leaves the farthest lobe."""
    around = 2 * math.pi * (np.arange(LOBES) + 0.7 * lobes[0]) / LOBES
    away, radius = 0.5 + 0.16 * lobes[1], 0.4 + 0.12 * lobes[2]
    centre = np.stack([away * np.cos(around), away * np.sin(around)], -1)[..., None, :]  # [2, TREES, LOBES, 1, 2]
    angle = 2 * math.pi * np.arange(OUTLINE) / OUTLINE
    ray = np.stack([np.cos(angle), np.sin(angle)], -1)  # [OUTLINE, 2]
    along = (centre * ray).sum(-1)
    aside = centre[..., 0] * ray[:, 1] - centre[..., 1] * ray[:, 0]
    reach = along + np.sqrt(np.maximum(radius[..., None] ** 2 - aside**2, 0))
    reach = np.where(np.abs(aside) < radius[..., None], reach, 0).max(axis=2).clip(0.62)  # [2, TREES, OUTLINE]
    return reach[..., None] * ray


class View:
    """Perspective from metres to canvas pixels."""

    def __init__(self, scene: Scene, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.focal = scene.focal * height
        self.x0, self.y0 = 0.5 * width + scene.shift_x * height, scene.horizon * height
        self.camera_x, self.camera_y = scene.camera_x, scene.camera_y

    def at(self, x: float, y: float, z: float) -> tuple[float, float]:
        scale = self.focal / z
        return self.x0 + (x - self.camera_x) * scale, self.y0 - (y - self.camera_y) * scale

    def strip(self, left: float, right: float, near: float, far: float) -> list[tuple[float, float]]:
        """A patch of ground between two X and two Z."""
        return [self.at(left, 0, near), self.at(right, 0, near), self.at(right, 0, far), self.at(left, 0, far)]


class Light:
    """From daylight colours to canvas colours: distance pales towards the horizon's colour, then light multiplies."""

    def __init__(self, gains: RGB, haze: RGB, night: float) -> None:
        self.gains, self.haze, self.night = gains, haze, night

    def __call__(self, colour: RGB, z: float = 0.0, shade: float = 1.0) -> tuple[int, int, int, int]:
        far = 0.55 * (1 - math.exp(-z / 80))
        red, green, blue = (
            min(255, int((c * shade * (1 - far) + h * far) * g)) for c, h, g in zip(colour, self.haze, self.gains)
        )
        return red, green, blue, 255


def mix(a: RGB, b: RGB, t: float) -> RGB:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t


def draw_hills(draw: ImageDraw, view: View, scene: Scene, light: Light, snow: float) -> None:
    """A soft ridge that closes the street's far end."""
    h = scene.hills
    x = np.linspace(0, view.width, 25)
    along = (x - view.x0) / view.height
    ridge = 0.035 + 0.03 * h[0] + 0.016 * np.sin(7 * along + 6 * h[1]) + 0.01 * np.sin(15 * along + 6 * h[2])
    y = view.y0 - ridge * view.height
    colour = mix((112, 136, 150), SNOW, 0.6 * snow)
    base = [(view.width, view.y0 + 2), (0, view.y0 + 2)]
    draw.polygon(list(zip(x.tolist(), y.tolist())) + base, fill=light(colour, 60))


def draw_ground(draw: ImageDraw, view: View, scene: Scene, light: Light, snow: float) -> None:
    """Pavements, road and markings, under snow that closes on the pavements before it closes on the road."""
    near, far = 1.2, 160.0
    on_paving, on_road = min(1.0, 1.5 * snow), 0.94 * snow
    paving = mix(scene.paving, SNOW, on_paving)
    asphalt: RGB = (scene.road_grey, scene.road_grey + 1, scene.road_grey + 6)
    road = mix(asphalt, SNOW, on_road)
    draw.rectangle((0, view.y0, view.width, view.height), fill=light(mix(paving, road, 0.3), 40))
    for lower, upper, z in ((near, 14.0, 6.0), (14.0, 30.0, 20.0), (30.0, far, 50.0)):  # paler with distance
        draw.polygon(view.strip(-60, 60, lower, upper), fill=light(paving, z))
        for side in (-1, 1):
            shadow = 0.72 if (side > 0) == bool(scene.sun_side) else 0.93
            inner = scene.kerb - (1.5 if shadow < 0.9 else 0.6)
            draw.polygon(view.strip(side * inner, side * 60, lower, upper), fill=light(paving, z, shadow))
            kerb = mix((206, 204, 198), SNOW, on_paving)
            bank = scene.road - 0.7 * snow  # ploughed snow along the kerb
            draw.polygon(view.strip(side * bank, side * (scene.road + 0.3), lower, upper), fill=light(kerb, z))
        inner = scene.road - 0.7 * snow
        draw.polygon(view.strip(-inner, inner, lower, upper), fill=light(road, z))
        if snow > 0.05:
            track = light(mix(asphalt, SNOW, (0.58 + 0.26 * snow) * on_road), z)
            for x in (-0.68, -0.32, 0.32, 0.68):
                draw.polygon(view.strip(x * scene.road - 0.17, x * scene.road + 0.17, lower, upper), fill=track)
    paint = mix((238, 236, 226), SNOW, snow)

    def fill(z: float) -> tuple[int, int, int, int]:
        return light(mix(road, paint, 1 - 0.55 * snow), z)

    if scene.marking == 1:
        for x in (-0.2, 0.2):
            draw.polygon(view.strip(x - 0.08, x + 0.08, near, 80), fill=fill(15))
    else:
        for k in range(9):
            z = 2.0 + 5.2 * k
            draw.polygon(view.strip(-0.11, 0.11, z, z + 2.9), fill=fill(z))
    if scene.marking == 2:
        for side in (-1, 1):
            x = side * (scene.road - 0.75)
            draw.polygon(view.strip(x - 0.08, x + 0.08, near, 80), fill=fill(15))
    if scene.zebra > 0:
        count = int(scene.road / 0.55)
        for k in range(-count + 1, count, 2):
            draw.polygon(view.strip(0.55 * k - 0.3, 0.55 * k + 0.3, scene.zebra, scene.zebra + 3), fill=fill(12))


def draw_buildings(
    draw: ImageDraw, view: View, scene: Scene, light: Light, snow: float, vertical: float
) -> None:
    """Two rows of houses, far to near. Height in metres goes from 4 to 24 with `vertical`."""
    for side in (0, 1):
        z, spans = 3.0, []
        for k in range(BUILDINGS):
            length = (7.5 + 4.5 * scene.building[side][k][0]) * (1 + 0.16 * k)
            spans.append((z, z + length))
            z += length
        for k in reversed(range(BUILDINGS)):
            _draw_building(draw, view, scene, light, snow, vertical, side, spans[k], scene.building[side][k])


def _draw_building(
    draw: ImageDraw, view: View, scene: Scene, light: Light, snow: float, vertical: float,
    side: int, span: tuple[float, float], u: list[float],
) -> None:  # fmt: skip
    sign = 1 if side else -1
    near, far = span
    wall = sign * (scene.kerb + 0.5 * u[1])
    if not -0.02 < (view.at(wall, 0, far)[0] / view.width) < 1.02:
        return  # behind the picture's edge
    middle = (near + far) / 2
    tall = (4.0 + 20.0 * vertical) * (0.84 + 0.32 * u[2])
    shade = (0.8 if side == scene.sun_side else 1.0) * (0.92 + 0.14 * u[3])
    body = mix(FACADES[int(u[4] * len(FACADES))], FACADES[int(u[5] * len(FACADES))], 0.35)
    at = view.at

    # The wall that faces us: seen where the next house is lower, and at the gaps that setbacks leave.
    back = wall + sign * 9
    draw.polygon([at(wall, 0, near), at(back, 0, near), at(back, tall, near), at(wall, tall, near)],
                 fill=light(body, near, 0.74 * shade))  # fmt: skip
    # A pitched roof; above tall facades it turns away from the street and perspective hides it.
    ridge, run = 2.3 + 0.9 * u[6], 3.0
    roof = mix(ROOFS[int(u[7] * len(ROOFS))], SNOW, min(1.0, 1.3 * snow))
    if ridge / run > (tall - view.camera_y) / abs(wall - view.camera_x):
        eaves, top = wall - sign * 0.3, wall + sign * run
        draw.polygon([at(eaves, tall, near), at(eaves, tall, far), at(top, tall + ridge, far),
                      at(top, tall + ridge, near)], fill=light(roof, middle, 0.9 + 0.1 * shade))  # fmt: skip
        draw.polygon([at(wall, tall, near), at(top, tall + ridge, near), at(top + sign * run, tall, near)],
                     fill=light(body, near, 0.7 * shade))  # fmt: skip
    draw.polygon([at(wall, 0, near), at(wall, 0, far), at(wall, tall, far), at(wall, tall, near)],
                 fill=light(body, middle, shade))  # fmt: skip
    ledge = tall - 0.35 - 0.45 * snow
    draw.polygon([at(wall, ledge, near), at(wall, ledge, far), at(wall, tall, far), at(wall, tall, near)],
                 fill=light(mix(mix(body, (244, 240, 232), 0.5), SNOW, min(1.0, 1.5 * snow)), middle))  # fmt: skip
    _draw_windows(draw, view, light, u, body, wall, near, far, ledge, shade)


def _draw_windows(
    draw: ImageDraw, view: View, light: Light, u: list[float], body: RGB, wall: float, near: float, far: float,
    top: float, shade: float,
) -> None:  # fmt: skip
    middle, length = (near + far) / 2, far - near
    glass = mix((66, 82, 106), (104, 124, 148), u[8])
    dark = light(glass, middle, 0.85 + 0.15 * shade)
    # A lit window is as much brighter than its wall as a dark one is darker: night keeps the facade's contrasts.
    bright = [2 * w - d for w, d in zip(light(body, middle, shade), dark)]
    level_of = max(10.0, 0.3 * bright[0] + 0.59 * bright[1] + 0.11 * bright[2])
    night = light.night**1.5
    warm = tuple(int(d + (level_of * c - d) * night) for d, c in zip(dark[:3], (1.38, 0.93, 0.36))) + (255,)
    columns = max(1, round(length / (3.2 + 1.2 * u[9]))) if middle < 55 else 1
    storey = 3.0 + 0.5 * u[10]
    pitch = length / columns
    sill = light((232, 226, 214), middle, 0.9 * shade)
    margin = (0.24 if columns > 1 else 0.12) * pitch
    door = int(u[11] * columns)
    shift, focal = view.camera_y, view.focal
    for c in range(columns):
        x1, y1 = view.at(wall, 0, near + c * pitch + margin)
        x2, y2 = view.at(wall, 0, near + (c + 1) * pitch - margin)
        s1, s2 = (y1 - view.y0) / shift, (y2 - view.y0) / shift  # pixels a metre at both ends
        bottom, level = 0.75, 0
        while bottom + 1.9 < top or level == 0:
            high = min(bottom + 1.75, top - 0.3)
            lit = (u[12] * 7.3 + 0.618 * level + 0.381 * c + 0.27 * level * c) % 1 < 0.2
            if level == 0 and c == door:
                accent = light(ACCENTS[int(u[13] * len(ACCENTS))], middle, shade)
                draw.polygon([(x1, y1), (x2, y2), (x2, y2 - 2.4 * s2), (x1, y1 - 2.4 * s1)], fill=accent)
            else:
                draw.polygon([(x1, y1 - bottom * s1), (x2, y2 - bottom * s2), (x2, y2 - high * s2),
                              (x1, y1 - high * s1)], fill=warm if lit else dark)  # fmt: skip
                if middle < 30:
                    low = bottom - 0.2
                    draw.polygon([(x1, y1 - low * s1), (x2, y2 - low * s2), (x2, y2 - bottom * s2),
                                  (x1, y1 - bottom * s1)], fill=sill)  # fmt: skip
            bottom += storey
            level += 1


def draw_hedges(
    draw: ImageDraw, view: View, scene: Scene, light: Light, snow: float, vegetation: float
) -> None:
    """A hedge before each row of houses, as high as the vegetation makes it: up to 1.4 m."""
    for side in (0, 1):
        grown = min(1.0, max(0.0, (vegetation - 0.3 * scene.hedge[side][0]) / 0.7))
        if grown < 0.02:
            continue
        x = (1 if side else -1) * (scene.kerb - 0.45)
        green = mix((62, 112, 52), (88, 128, 60), scene.hedge[side][1])
        tops = [(z, 1.4 * grown * (0.9 + 0.1 * math.sin(1.9 * z))) for z in (4, 5.5, 7, 9, 11, 14, 17, 21, 27, 36, 60)]
        foot = [view.at(x, 0, 60), view.at(x, 0, 4)]
        draw.polygon([view.at(x, h, z) for z, h in tops] + foot, fill=light(green, 18, 0.8))
        cap = mix(mix(green, (150, 180, 90), 0.25), SNOW, min(1.0, 1.2 * snow))
        draw.polygon([view.at(x, h, z) for z, h in tops] + [view.at(x, 0.62 * h, z) for z, h in reversed(tops)],
                     fill=light(cap, 18))  # fmt: skip


def draw_lamps(draw: ImageDraw, view: View, scene: Scene, light: Light) -> list[Lamp]:
    """Street lamps on both kerbs. Returns where they glow."""
    glows = []
    for side in (0, 1):
        sign = 1 if side else -1
        for z in (34 + 8 * scene.lamp[side], 15 + 6 * scene.lamp[side] + 2 * side):
            x, metre = sign * (scene.road + 0.5), view.focal / z
            foot, head = view.at(x, 0, z), view.at(x - sign * 0.9, 5.2, z)
            post, thick = light((72, 76, 84), z), 0.07 * metre
            draw.rectangle((foot[0] - thick, head[1], foot[0] + thick, foot[1]), fill=post)
            draw.rectangle((min(foot[0], head[0]), head[1] - thick, max(foot[0], head[0]), head[1] + thick), fill=post)
            bulb = mix((228, 226, 214), (130, 108, 62), light.night)
            fill = (int(bulb[0]), int(bulb[1]), int(bulb[2]), 255)
            rx, ry = 0.34 * metre, 0.17 * metre
            draw.ellipse((head[0] - rx, head[1] - ry, head[0] + rx, head[1] + 2 * ry), fill=fill)
            glows.append((head[0], head[1], 1.5 * metre))
    return glows


def draw_trees(
    draw: ImageDraw, view: View, scene: Scene, light: Light, snow: float, vegetation: float
) -> None:
    """Trees along the pavements, far to near. They grow one after the other, so crown area rises with vegetation."""
    for k in reversed(range(TREES)):
        for side in (0, 1):
            u = scene.tree[side][k]
            grown = min(1.0, max(0.0, (vegetation - 0.55 * scene.tree_rank[side][k]) / 0.45))
            if grown < 0.01:
                continue
            z = (10.5, 14, 19, 26, 36, 50)[k] * (0.94 + 0.12 * u[0])
            x = (1 if side else -1) * (scene.road + 0.9 + 0.7 * u[1])
            size, metre = math.sqrt(grown), view.focal / z
            wide, tall = (1.25 + 0.65 * u[2]) * size * metre, (1.35 + 0.9 * u[3]) * size * metre
            trunk = (1.7 + 0.8 * u[4]) * (0.4 + 0.6 * size)
            foot, thick = view.at(x, 0, z), (0.1 + 0.08 * u[5]) * size * metre
            middle = foot[1] - trunk * metre - 0.8 * tall
            draw.polygon([(foot[0] - 1.3 * thick, foot[1]), (foot[0] + 1.3 * thick, foot[1]),
                          (foot[0] + 0.7 * thick, middle), (foot[0] - 0.7 * thick, middle)],
                         fill=light((98, 76, 58), z))  # fmt: skip
            green = mix(CROWNS[int(u[6] * len(CROWNS))], CROWNS[int(u[7] * len(CROWNS))], 0.4)
            sun = 0.16 if scene.sun_side else -0.16
            tones = (
                (1.0, 0.0, 0.0, light(green, z, 0.72)),
                (0.8, 0.7 * sun, -0.14, light(mix(green, SNOW, 0.3 * snow), z, 1.0)),
                (0.5, 1.6 * sun, -0.36, light(mix(mix(green, (196, 206, 104), 0.4), SNOW, 0.95 * snow), z)),
            )
            outline = scene.crown[side, k]
            for scale, right, down, fill in tones:
                points = outline * (scale * wide, scale * tall) + (foot[0] + right * wide, middle + down * tall)
                draw.polygon(points.ravel().tolist(), fill=fill)
