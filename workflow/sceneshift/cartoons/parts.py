"""How each part of a rendered street is drawn: hills, ground, houses, hedges, lamps, trees, in painter's order."""

import math
from dataclasses import dataclass

import numpy as np
from PIL.ImageDraw import ImageDraw

from sceneshift.cartoons.scene import BUILDINGS, RGB, TREES, Light, Scene, View, mix

NEAR = 1.2  # where ground, hedges and houses begin: beside the camera, outside even the widest picture

Lamp = tuple[float, float, float]  # x, y, radius of its glow, in canvas pixels

SNOW: RGB = (236, 241, 249)
FACADES: tuple[RGB, ...] = (
    (186, 92, 74), (214, 178, 132), (226, 208, 176), (152, 160, 176), (204, 140, 104),
    (228, 220, 210), (166, 118, 100), (196, 164, 168), (136, 150, 178), (218, 190, 112),
)  # fmt: skip
ROOFS: tuple[RGB, ...] = ((150, 78, 62), (112, 84, 76), (96, 98, 110), (128, 102, 84))
ACCENTS: tuple[RGB, ...] = ((150, 52, 48), (48, 78, 122), (92, 62, 48), (196, 150, 60), (70, 72, 84))
CROWNS: tuple[RGB, ...] = ((84, 134, 56), (66, 122, 60), (104, 146, 58), (56, 108, 66))


@dataclass(frozen=True)
class Painting:
    """A canvas, and what is painted on it: a scene, seen so, in this light, under this much snow (0 to 1)."""

    draw: ImageDraw
    view: View
    scene: Scene
    light: Light
    snow: float


@dataclass(frozen=True)
class _House:
    """What the windows of a house are drawn by."""

    u: list[float]  # its random numbers
    wall: float  # X of the wall along the street, from Z `near` to `far`
    near: float
    far: float
    ledge: float  # height in metres of what closes it above
    body: RGB
    shade: float  # of the wall along the street


def draw_hills(p: Painting) -> None:
    """A soft ridge that closes the street's far end."""
    view, h = p.view, p.scene.hills
    x = np.linspace(0, view.width, 25)
    along = (x - view.x0) / view.height
    ridge = 0.035 + 0.03 * h[0] + 0.016 * np.sin(7 * along + 6 * h[1]) + 0.01 * np.sin(15 * along + 6 * h[2])
    y = view.y0 - ridge * view.height
    color = mix((112, 136, 150), SNOW, 0.6 * p.snow)
    base = (view.width, view.y0 + 2, 0, view.y0 + 2)
    p.draw.polygon([*np.stack([x, y], 1).ravel().tolist(), *base], fill=p.light(color, 60))


def draw_ground(p: Painting) -> None:
    """Pavements, road and markings, under snow that closes on the pavements before it closes on the road."""
    draw, view, scene, light, snow = p.draw, p.view, p.scene, p.light, p.snow
    near, far = NEAR, 160.0
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


def draw_buildings(p: Painting, vertical: float) -> None:
    """Two rows of houses, far to near. Height in metres goes from 4 to 24 with `vertical`."""
    for side in (0, 1):
        z, spans = 3.0, []
        for k in range(BUILDINGS):
            length = (7.5 + 4.5 * p.scene.building[side][k][0]) * (1 + 0.16 * k)
            spans.append((z, z + length))
            z += length
        for k in reversed(range(BUILDINGS)):
            _draw_building(p, side, spans[k], p.scene.building[side][k], vertical)
        # The nearest house goes on to beside the camera, where wide pictures see it.
        _draw_building(p, side, (NEAR, spans[0][0]), p.scene.building[side][0], vertical)


def _draw_building(p: Painting, side: int, span: tuple[float, float], u: list[float], vertical: float) -> None:
    draw, view, scene, light, snow = p.draw, p.view, p.scene, p.light, p.snow
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
    draw.polygon(
        [at(wall, 0, near), at(back, 0, near), at(back, tall, near), at(wall, tall, near)],
        fill=light(body, near, 0.74 * shade),
    )
    # A pitched roof; above tall facades it turns away from the street and perspective hides it.
    ridge, run = 2.3 + 0.9 * u[6], 3.0
    roof = mix(ROOFS[int(u[7] * len(ROOFS))], SNOW, min(1.0, 1.3 * snow))
    if ridge / run > (tall - view.camera_y) / abs(wall - view.camera_x):
        eaves, top = wall - sign * 0.3, wall + sign * run
        draw.polygon(
            [at(eaves, tall, near), at(eaves, tall, far), at(top, tall + ridge, far), at(top, tall + ridge, near)],
            fill=light(roof, middle, 0.9 + 0.1 * shade),
        )
        draw.polygon(
            [at(wall, tall, near), at(top, tall + ridge, near), at(top + sign * run, tall, near)],
            fill=light(body, near, 0.7 * shade),
        )
    draw.polygon(
        [at(wall, 0, near), at(wall, 0, far), at(wall, tall, far), at(wall, tall, near)],
        fill=light(body, middle, shade),
    )
    ledge = tall - 0.35 - 0.45 * snow
    draw.polygon(
        [at(wall, ledge, near), at(wall, ledge, far), at(wall, tall, far), at(wall, tall, near)],
        fill=light(mix(mix(body, (244, 240, 232), 0.5), SNOW, min(1.0, 1.5 * snow)), middle),
    )
    _draw_windows(draw, view, light, _House(u, wall, near, far, ledge, body, shade))


def _draw_windows(draw: ImageDraw, view: View, light: Light, house: _House) -> None:
    """Windows in storeys up to the house's ledge, a door, sills on near houses; some are lit at night."""
    u, wall, near, far, top, shade = house.u, house.wall, house.near, house.far, house.ledge, house.shade
    middle, length = (near + far) / 2, far - near
    glass = mix((66, 82, 106), (104, 124, 148), u[8])
    dark = light(glass, middle, 0.85 + 0.15 * shade)
    # A lit window is as much brighter than its wall as a dark one is darker: night keeps the facade's contrasts.
    bright = [2 * w - d for w, d in zip(light(house.body, middle, shade), dark, strict=True)]
    target = max(10.0, 0.3 * bright[0] + 0.59 * bright[1] + 0.11 * bright[2])
    night = light.night**1.5
    warm_rgb = (int(d + (target * c - d) * night) for d, c in zip(dark[:3], (1.38, 0.93, 0.36), strict=True))
    warm = (*warm_rgb, 255)
    columns = max(1, round(length / (3.2 + 1.2 * u[9]))) if middle < 55 else 1
    storey = 3.0 + 0.5 * u[10]
    pitch = length / columns
    sill = light((232, 226, 214), middle, 0.9 * shade)
    margin = (0.24 if columns > 1 else 0.12) * pitch
    door = int(u[11] * columns)
    shift = view.camera_y
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
                draw.polygon(
                    [(x1, y1 - bottom * s1), (x2, y2 - bottom * s2), (x2, y2 - high * s2), (x1, y1 - high * s1)],
                    fill=warm if lit else dark,
                )
                if middle < 30:
                    low = bottom - 0.2
                    draw.polygon(
                        [(x1, y1 - low * s1), (x2, y2 - low * s2), (x2, y2 - bottom * s2), (x1, y1 - bottom * s1)],
                        fill=sill,
                    )
            bottom += storey
            level += 1


def draw_hedges(p: Painting, vegetation: float) -> None:
    """A hedge before each row of houses, as high as the vegetation makes it: up to 1.4 m."""
    draw, view, scene, light, snow = p.draw, p.view, p.scene, p.light, p.snow
    for side in (0, 1):
        grown = min(1.0, max(0.0, (vegetation - 0.3 * scene.hedge[side][0]) / 0.7))
        if grown < 0.02:
            continue
        x = (1 if side else -1) * (scene.kerb - 0.45)
        green = mix((62, 112, 52), (88, 128, 60), scene.hedge[side][1])
        along = (NEAR, 2, 3, 4, 5.5, 7, 9, 11, 14, 17, 21, 27, 36, 60)
        tops = [(z, 1.4 * grown * (0.9 + 0.1 * math.sin(1.9 * z))) for z in along]
        foot = [view.at(x, 0, z) for z in (60, 4, NEAR)]
        draw.polygon([view.at(x, h, z) for z, h in tops] + foot, fill=light(green, 18, 0.8))
        cap = mix(mix(green, (150, 180, 90), 0.25), SNOW, min(1.0, 1.2 * snow))
        draw.polygon(
            [view.at(x, h, z) for z, h in tops] + [view.at(x, 0.62 * h, z) for z, h in reversed(tops)],
            fill=light(cap, 18),
        )


def draw_lamps(p: Painting) -> list[Lamp]:
    """Street lamps on both kerbs. Returns where they glow."""
    draw, view, scene, light = p.draw, p.view, p.scene, p.light
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


def draw_trees(p: Painting, vegetation: float) -> None:
    """Trees along the pavements, far to near. They grow one after the other, so crown area rises with vegetation."""
    draw, view, scene, light, snow = p.draw, p.view, p.scene, p.light, p.snow
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
