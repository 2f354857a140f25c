"""How walls, windows, shops, balconies and roofs look."""

from dataclasses import dataclass

import numpy as np

from sceneshift.streets import textures
from sceneshift.streets.buildings import Building
from sceneshift.streets.draws import hashed
from sceneshift.streets.looks import FLAT, WALL_CONTRAST, WALL_TEXTURE
from sceneshift.streets.surface import Surface, cover, dot, lay, smoothstep

DETACHED = ("suburb", "country", "park")
WARM, NEUTRAL, COOL = np.array([[1.0, 0.55, 0.20], [1.0, 0.80, 0.55], [0.75, 0.90, 1.0]], np.float32)


@dataclass
class _Wall:
    """M samples of walls. look, color: of their houses by name, [M] and [3, M]. albedo: [3, M], painted on in place.

    u, y: metres along the wall and above the ground. fp: their footprint. salt, column, storey: what chance goes by.
    All [M].
    """

    look: dict[str, np.ndarray]
    color: dict[str, np.ndarray]
    albedo: np.ndarray
    u: np.ndarray
    y: np.ndarray
    fp: np.ndarray
    salt: np.ndarray
    column: np.ndarray
    storey: np.ndarray

    def chance(self, purpose: int) -> np.ndarray:
        """Uniform in [0, 1), [M], one number for each cell of column and storey."""
        return hashed(purpose, self.salt, self.column, self.storey)


class Facades:
    """The houses' looks as tables, one row a house, for shading all their samples at once."""

    def __init__(self, houses: list[Building], kind: str) -> None:
        names = houses[0].look
        # One row a house; colors as three rows.
        self.look = {name: np.array([h.look[name] for h in houses], np.float32).T.copy() for name in names}
        self.height = np.array([h.height for h in houses], np.float32)
        faces = max(len(h.solid.normals) for h in houses)
        self.normals = np.zeros((len(houses), faces, 3), np.float32)
        self.axis = np.zeros((len(houses), 4, 2), np.float32)  # along each wall, horizontally
        self.start = np.zeros((len(houses), 4), np.float32)
        self.length = np.zeros((len(houses), 4), np.float32)
        self.windows = np.ones((len(houses), 4), np.float32)  # share of a wall's columns that have windows
        for k, house in enumerate(houses):
            self.normals[k, : len(house.solid.normals)] = house.solid.normals
            back = house.front - house.outward * house.depth
            for face, (axis, middle, length) in enumerate(
                (
                    (house.along, house.front, house.length),
                    (-house.along, back, house.length),
                    (house.outward, house.front - house.outward * house.depth / 2, house.depth),
                    (-house.outward, house.front - house.outward * house.depth / 2, house.depth),
                )
            ):
                self.axis[k, face], self.length[k, face] = axis, length
                self.start[k, face] = axis @ middle - length / 2
            self.windows[k, 2:] = 0.7 if kind in DETACHED else 0.25 if house.look["tint"] < 0.4 else 0.0

    def shade(self, s: Surface, at: np.ndarray, house: np.ndarray, night: float) -> None:
        """Fill the surface's samples `at` [M], which see these houses [M]. night: how far lights are on, 0 to 1."""
        s.normal[:, at] = self.normals[house, s.face[at]].T
        wall = s.face[at] < 4
        self._walls(s, at[wall], house[wall], night)
        self._roofs(s, at[~wall], house[~wall])

    def _roofs(self, s: Surface, at: np.ndarray, house: np.ndarray) -> None:
        if not at.size:
            return
        x, y, z = s.position[:, at]
        normal, fp = s.normal[:, at], s.footprint[at]
        along = normal[2] * x - normal[0] * z
        flat = self.look["roof"][house] == FLAT
        tone = textures.sample(textures.TILES, along, 1.5 * y, 1.5 * fp) * np.where(
            flat, np.float32(0), np.float32(0.16)
        )
        tone += 0.12 * textures.sample(textures.FBM, x, z + y, fp)
        color = np.where(flat, 0.14, self.look["roof_color"][:, house])
        s.albedo[:, at] = np.clip(color * (1 + tone), 0.02, 0.9)

    def _walls(self, s: Surface, at: np.ndarray, house: np.ndarray, night: float) -> None:
        if not at.size:
            return
        face = s.face[at]
        look = {name: table[house] for name, table in self.look.items() if table.ndim == 1}
        color = {name: table[:, house] for name, table in self.look.items() if table.ndim == 2}
        x, y, z = s.position[:, at]
        axis = self.axis[house, face].T
        u = x * axis[0] + z * axis[1] - self.start[house, face]
        length, height = self.length[house, face], self.height[house]
        facing = np.maximum(np.abs(dot(s.normal[:, at], s.view[:, at])), 0.12)
        fp = s.footprint[at] / np.sqrt(facing) * 1.1
        salt = look["salt"].astype(np.int32) * 4 + face

        # The bare wall: its material, weather and stains.
        kind = look["wall"].astype(np.int64)
        tone = textures.sample(WALL_TEXTURE[kind], u + look["salt"], y, fp) * WALL_CONTRAST[kind] * look["contrast"]
        blotch = textures.sample(textures.FBM, u * 0.7 + look["salt"], y * 0.7, fp)
        streaks = textures.sample(textures.STREAKS, u + 3 * look["salt"], y, fp)
        tone += 0.06 * blotch - look["dirt"] * 0.16 * np.maximum(streaks + 0.5 * blotch, 0)
        tone -= look["dirt"] * 0.25 * np.exp(-y / 1.2)
        albedo = color["color"] * (1 + tone)
        above = y - look["ground_floor"]
        lay(albedo, color["second"] * (1 + tone), look["two_tone"] * cover(above, fp))
        lay(albedo, 0.75 * color["trim"] * (1 + tone), (look["plinth"] > 0.1) * cover(y - look["plinth"], fp))

        # The rhythm: columns and storeys, and the place within a cell.
        columns = np.maximum(np.round(length / look["bay"]), 1)
        bay = length / columns
        column = np.clip(np.floor(u / bay), 0, columns - 1)
        storey = np.floor(above / look["storey"])
        lower = storey < 0
        storey = np.maximum(storey, -1)
        left = u - (column + 0.5) * bay
        up = np.where(lower, y, above - storey * look["storey"])
        wall = _Wall(look, color, albedo, u, y, fp, salt, column, storey)
        cell = wall.chance(7)
        center = look["lift"] + look["storey"] * 0.5
        half_w = np.minimum(look["half_width"], bay / 2)
        half_h = np.where(lower, look["half_height"] * 0.95, look["half_height"])
        exists = (above - storey * look["storey"] < look["storey"]) & (y + 0.3 + half_h + center - up < height)
        exists &= hashed(9, salt, column) < self.windows[house, face]
        exists &= fp < 4
        dx, dy = np.abs(left) - half_w, np.abs(up - center) - half_h
        dx = dx + (look["arched"] > 0) * np.maximum(up - center, 0) ** 2 * 0.35 / half_h
        edge = np.where(exists, np.maximum(dx, dy), 9.0)

        # Cornice, bands between storeys, trim, sills, shutters.
        top = height - y
        lay(albedo, color["trim"] * (1 + 0.5 * tone), 0.9 * cover(top - look["cornice"], fp) * (look["cornice"] > 0.3))
        albedo *= 1 - 0.45 * cover(np.abs(top - look["cornice"] - 0.15) - 0.15, fp)
        lay(albedo, color["trim"], look["band"] * ~lower * cover(np.abs(up - 0.05) - 0.09, fp))
        lay(albedo, color["trim"], (look["trim_width"] > 0) * cover(edge - look["trim_width"], fp))
        sill = np.maximum(dx - 0.08, np.abs(up - center + half_h + 0.06) - 0.06)
        lay(albedo, color["trim"], look["sill"] * exists * cover(sill, fp))
        albedo *= 1 - 0.35 * look["sill"] * exists * cover(
            np.maximum(dx - 0.06, np.abs(up - center + half_h + 0.22) - 0.1), fp
        )
        shutter = np.maximum(np.abs(np.abs(left) - 1.5 * half_w - 0.04) - 0.5 * half_w, dy)
        lay(
            albedo,
            color["accent"] * (0.85 + 0.3 * np.sin(40 * up)),
            look["shutters"] * exists * cover(shutter, np.maximum(fp, 0.03)),
        )

        # Vents, boxes, plaques and posters between the windows.
        spot = 0.30 * (cell - 0.5) * bay + np.copysign(0.5 * bay - 0.25, cell - 0.5)
        thing = np.maximum(
            np.abs(left - spot) - 0.12 - 0.25 * lower * cell, np.abs(up - 1.2 - cell) - 0.18 - 0.3 * lower * cell
        )
        stuck = cover(thing, fp) * (wall.chance(29) < 0.22) * (look["wall"] != 4)
        lay(albedo, color["second"] * (0.25 + 1.3 * wall.chance(31)), 0.9 * stuck)

        # Frames and glass.
        lay(albedo, color["frame"], cover(edge, fp))
        glass = cover(edge + look["frame_width"], fp)
        bar = np.minimum(
            np.abs(left) + np.where(look["mullions"] < 1, np.float32(9), np.float32(0)),
            np.abs(np.abs(left) - half_w / 3) + np.where(look["mullions"] < 2, np.float32(9), np.float32(0)),
        )
        bar = np.minimum(
            bar, np.abs(up - center - 0.35 * half_h) + np.where(look["bars"] < 1, np.float32(9), np.float32(0))
        )
        glass *= 1 - 0.85 * cover(bar - 0.025, fp)
        room, emission = _rooms(wall, cell, left / half_w, (up - center) / half_h, night)
        lay(albedo, room, glass)
        emission = emission * glass
        albedo *= 1 - 0.5 * glass * cover(center + half_h - up - 0.14, fp)  # the lintel's shadow

        # The ground floor: shops, doors.
        shop = (look["shop"] > 0) & lower & (face < 2)
        if shop.any():
            emission, glass = _shops(wall, shop, emission, glass, night)
        door = (look["shop"] == 0) & lower & (face == 0) & (column == np.floor(columns * look["tint"]))
        leaf = np.maximum(np.abs(left) - 0.5, y - 2.15)
        lay(albedo, color["trim"], door * cover(leaf - 0.12, fp))
        lay(albedo, color["accent"], door * cover(leaf, fp))
        panel = np.maximum(np.abs(np.abs(left) - 0.23) - 0.14, np.abs(np.abs(up - 1.08) - 0.5) - 0.36)
        albedo *= 1 - 0.4 * door * cover(np.abs(panel) - 0.02, fp)
        albedo *= 1 - 0.45 * door * cover(np.abs(leaf + 0.04) - 0.03, fp)
        visible = 1 - door * cover(leaf - 0.1, fp)
        visible *= _balconies(wall, exists & ~lower & (face == 0), left, up, bay)
        pipe = np.abs(np.minimum(u, length - u) - 0.18) - 0.06
        lay(albedo, color["frame"] * 0.5, 0.8 * cover(pipe, np.maximum(fp, 0.06)) * (look["curtains"] > 0.4))

        s.albedo[:, at] = np.clip(albedo, 0.015, 0.85)
        glass = glass * visible
        s.emission[:, at] = emission * visible
        grazing = (1 - facing) ** 4
        s.mirror[at] = glass * (look["reflects"] + (0.9 - look["reflects"]) * grazing) + 0.15 * grazing * (kind == 4)
        corner = 0.42 * np.exp(-y / 0.7) + 0.25 * np.exp(-np.maximum(top, 0) / 0.5)
        s.ambient[at] = 1 - corner - 0.18 * (y < 3)


def _rooms(
    wall: _Wall, cell: np.ndarray, left: np.ndarray, up: np.ndarray, night: float
) -> tuple[np.ndarray, np.ndarray]:
    """What stands behind a window: albedo [3, M] of curtains and darkness, and the light of lit rooms [3, M].

    cell: [M], a number a window. left, up: [M], place in the window, in [-1, 1].
    """
    look, second = wall.look, wall.chance(11)
    curtain = np.where(second < look["curtains"], np.clip(8 * (np.abs(left) - 0.9 + cell), 0, 1), 0)
    blind = (second > 0.8) * np.clip(12 * (up - 1.3 + 2 * cell), 0, 1)
    drawn = np.maximum(curtain, blind)
    room = np.full((3, left.size), 0.03, np.float32) * (0.5 + cell)
    lay(room, 0.42 * np.array([1.0, 0.95, 0.86]), drawn * (0.45 + 0.4 * second))
    emission = np.zeros_like(room)
    if night > 0:
        chance = wall.chance(13)
        share = look["lit"] * np.where(look["wall"] == 4, np.float32(1.3), np.float32(1))
        on = np.clip((night * share * 1.15 - chance) / 0.08 + 1, 0, 1) * (chance < share)
        tone = np.clip(0.25 * look["warmth"] + 0.75 * wall.chance(15), 0, 1)
        warm = WARM[:, None] + (NEUTRAL - WARM)[:, None] * np.minimum(2 * tone, 1)
        lay(warm, COOL, np.clip(4 * tone - 3.1, 0, 1))
        power = 0.09 + 0.53 * wall.chance(17) ** 2
        things = hashed(19, wall.salt, wall.column, np.floor(3 * left), np.floor(2 * up))
        inside = (0.75 + 0.35 * up) * (0.75 + 0.5 * (things - 0.4))
        emission = warm * (on * power * inside * (1 - 0.35 * drawn))
    return room, emission


def _shops(
    wall: _Wall, shop: np.ndarray, emission: np.ndarray, glass: np.ndarray, night: float
) -> tuple[np.ndarray, np.ndarray]:
    """Shop fronts where `shop` [M] is: panes between piers, a sign above, an awning. Returns `emission` [3, M] and
    `glass` [M] with them."""
    look, color, albedo, u, y, fp, salt = wall.look, wall.color, wall.albedo, wall.u, wall.y, wall.fp, wall.salt
    pier = look["shop_bay"]
    number = np.floor(u / pier)
    across = np.abs(u - (number + 0.5) * pier) - pier / 2 + 0.22
    high = look["ground_floor"] - 0.75
    pane = np.maximum(across, np.maximum(y - high, 0.45 - y))
    tone = hashed(21, salt, number)
    shelf = hashed(23, salt, np.floor(u * 1.7), np.floor(y * 2.6))
    goods = 0.45 * shelf + 0.3 * hashed(24, salt, np.floor(u * 9), np.floor(y * 7)) + 0.12
    goods = goods + 0.12 * textures.sample(textures.FBM, 2 * u, 2 * y, 2 * fp)
    goods = np.clip(goods * smoothstep(0.2, 1.4, y), 0, 1)
    lay(albedo, color["accent"] * 0.8, 0.85 * cover(y - look["ground_floor"] + 0.15, fp) * shop)
    lay(albedo, 0.02 + 0.22 * goods**2 * color["sign"] + 0.05 * goods, shop * cover(pane, fp))
    frame = np.abs(across + pier * 0.35) - 0.04
    lay(albedo, color["frame"] * 0.6, shop * cover(pane, fp) * cover(frame, fp))
    sign = np.maximum(np.abs(u - (number + 0.5) * pier) - pier / 2 + 0.1, np.abs(y - high - 0.35) - 0.28)
    signed = shop * cover(sign, fp)
    lay(albedo, color["sign"], signed)
    letters = (hashed(25, salt, np.floor(u * 5), np.floor(y * 7)) > 0.5) * cover(np.abs(y - high - 0.35) - 0.13, fp)
    letters = letters * smoothstep(0.35, 0.1, fp)
    lay(albedo, np.array([0.7, 0.68, 0.6]), signed * 0.8 * letters)
    lit = shop * cover(pane, fp)
    glow = np.where(shop, 0.0, emission)
    if night > 0:
        light = NEUTRAL[:, None] + (COOL - NEUTRAL)[:, None] * np.where(tone > 0.45, np.float32(0.7), np.float32(0))
        glow += light * (
            (tone < 0.75) * night * lit * (0.03 + 0.3 * goods**1.3) * (0.45 + 0.6 * y / high) * (0.4 + 0.9 * tone)
        )
        paint = color["sign"] / (color["sign"].max(0) + 0.05)
        glow += (paint + letters) * (signed * night * (look["warmth"] < 0.6) * 0.25)
    awning = look["awning"] * shop * cover(np.abs(y - high + 0.25) - 0.35, fp)
    stripes = np.where((np.floor(u / 0.35) % 2 == 0) | (look["tint"] < 0.5), np.float32(1), np.float32(0.35))
    lay(albedo, color["accent"] * stripes + 0.05, awning)
    return glow * (1 - awning), np.where(shop, lit * (1 - awning), glass)


def _balconies(wall: _Wall, where: np.ndarray, left: np.ndarray, up: np.ndarray, bay: np.ndarray) -> np.ndarray | float:
    """Slabs and railings before some columns `where` [M] they may be; returns the share of what is behind them that
    stays visible. left, up: [M], metres from the column's middle and above the storey's floor."""
    look, color, albedo, fp = wall.look, wall.color, wall.albedo, wall.fp
    here = look["balconies"] * where * (hashed(27, wall.salt, wall.column) < 0.6)
    if not here.any():
        return 1.0
    wide = np.abs(left) - bay * 0.46
    rail = np.maximum(wide, np.abs(up - 0.5) - 0.5)
    bars = np.where(look["tint"] < 0.5, 0.45 + 0.35 * np.cos(left * 52) * smoothstep(0.12, 0.03, fp), 0.92)
    railing = here * cover(rail, fp) * bars
    lay(albedo, np.where(look["tint"] < 0.5, 0.05, color["trim"]), railing)
    slab = here * cover(np.maximum(wide - 0.05, np.abs(up - 0.0) - 0.1), fp)
    lay(albedo, color["trim"] * 0.9, slab)
    under = here * cover(np.maximum(wide, np.abs(up - look["storey"] + 0.45) - 0.35), fp)
    albedo *= 1 - 0.4 * under
    return (1 - railing) * (1 - slab)
