"""How the ground looks: roads, kerbs, pavings, lawns, markings, wear, fallen leaves."""

from dataclasses import dataclass

import numpy as np

from sceneshift.streets import textures
from sceneshift.streets.draws import Draws, hashed
from sceneshift.streets.plan import ASPHALT, CONCRETE, GRASS, GRAVEL, SETTS, SLABS, Plan
from sceneshift.streets.surface import Surface, cover, lay, smoothstep

_TEXTURE = np.array(
    [textures.ASPHALT, textures.COBBLES, textures.SLABS, textures.GRAIN, textures.GRASS, textures.ASPHALT]
)
_CONTRAST = np.array([0.19, 0.25, 0.17, 0.25, 0.34, 0.18], np.float32)


@dataclass
class _Patch:
    """M samples of ground, painted on. albedo: [3, M]. All else [M]: lateral, away: from the middle line, and without
    its sign. z: along the street. u, v: place in textures. far: the footprint along the view. blotch, broad: noise."""

    albedo: np.ndarray
    lateral: np.ndarray
    away: np.ndarray
    z: np.ndarray
    u: np.ndarray
    v: np.ndarray
    far: np.ndarray
    blotch: np.ndarray
    broad: np.ndarray


class Ground:
    """The ground of one street. What depends on labels is drawn over what does not."""

    def __init__(self, draws: Draws, plan: Plan) -> None:
        self.plan = plan
        rng = draws("ground")
        tone = rng.random(6)
        tint = 1 + 0.10 * (rng.random((6, 3)) - 0.5)
        base = np.array([[0.115, 0.115, 0.118], [0.19, 0.18, 0.165], [0.27, 0.255, 0.235], [0.26, 0.225, 0.175],
                         [0.075, 0.098, 0.033], [0.25, 0.245, 0.235]])  # fmt: skip
        self.colors = (base * (0.62 + 0.85 * tone[:, None]) * tint).astype(np.float32)
        if rng.random() < 0.2:  # reddish pavings and setts
            self.colors[[SETTS, SLABS]] *= np.array([1.15, 0.85, 0.72])
        u = rng.random(16).tolist()
        self.marking = int(4 * u[0])  # none, dashes, a double line, dashes and edge lines
        if plan.surfaces[0] != ASPHALT or plan.kind == "park":
            self.marking = 0
        self.yellow = u[1] < 0.25
        self.worn = 0.15 + 0.75 * u[2]
        self.zebra = 6 + 22 * u[3] if u[4] < 0.35 and plan.surfaces[0] == ASPHALT and plan.kind != "country" else -99.0
        self.offset = (50 * rng.random(2)).tolist()
        self.rails = u[7] < 0.10 and plan.kind in ("avenue", "square", "lane")
        self.cycle_lane = u[8] < 0.12 and plan.kind == "avenue"
        self.cycle_color = np.array([[0.26, 0.07, 0.05], [0.05, 0.17, 0.24], [0.07, 0.20, 0.10]])[int(3 * u[9])]
        self.patched = u[5] < 0.55
        self.parking = u[6] < 0.4
        self.salt = draws.salt("ground", "salt")

    def shade(self, s: Surface, at: np.ndarray, season: float, vegetation: float) -> tuple[np.ndarray, np.ndarray]:
        """Fill the samples `at` [M]. Returns how loose each one is, 0 hard, 1 lawn, and the share that is green,
        [M] each."""
        plan = self.plan
        x, _, z = s.position[:, at]
        lateral = plan.lateral(x, z)
        fp = s.footprint[at]
        grazing = np.maximum(-s.view[1, at], 0.02)
        far = fp / np.sqrt(grazing)  # a sample is longer along the view than across it
        side = (lateral > 0).astype(np.int64)
        away = np.abs(lateral)
        edges = plan.edges.astype(np.float32)[side].T  # [4, M]
        strip = (away[None] > edges).sum(0)
        kind = np.asarray(plan.surfaces)[strip]
        across = np.zeros_like(x, dtype=bool)
        for crossing in plan.crossings:
            across |= (np.abs(z - crossing) < plan.crossing_width) & (away > plan.road)
        kind = np.where(across, ASPHALT, kind)

        u, v = lateral + self.offset[0], z + self.offset[1]
        tone = textures.sample(_TEXTURE[kind], u, v, far) * _CONTRAST[kind]
        blotch = textures.sample(textures.FBM, u, v, far)
        broad = textures.sample(textures.FBM, 0.17 * u, 0.17 * v, 0.17 * far)
        tone += 0.09 * blotch + 0.15 * broad
        albedo = self.colors[kind].T * (1 + tone)
        patch = _Patch(albedo, lateral, away, z, u, v, far, blotch, broad)
        grass = kind == GRASS
        loose = grass.astype(np.float32)
        green = self._lawn(patch, grass, tone, season, vegetation)
        road = (strip == 0) | across
        if plan.surfaces[0] == ASPHALT:
            self._wear(patch, road & ~across)
            self._markings(patch, road & ~across)
        if self.rails:
            rail = np.abs(np.abs(np.abs(lateral) - plan.road / 2) - 0.72) - 0.05
            lay(
                albedo,
                np.array([0.16, 0.15, 0.14]),
                0.8 * cover(rail, np.maximum(far * 0.7, 0.02)) * (away < plan.road),
            )
        if plan.surfaces[1] == CONCRETE:
            kerb = cover(np.abs(away - edges[0] - 0.07) - 0.075, fp) * ~across
            lay(albedo, self.colors[CONCRETE] * 1.25, kerb)
            albedo *= 1 - 0.5 * cover(np.abs(away - edges[0] + 0.05) - 0.06, fp) * ~across  # its shadow, and the gutter
        _fallen(patch, edges[0], season, vegetation)
        s.albedo[:, at] = np.clip(albedo, 0.012, 0.8)
        # Corners: at the foot of the houses the sky is half hidden.
        foot = np.maximum(edges[3] - away, 0) if plan.kind in ("avenue", "lane", "square") else 9.0
        s.ambient[at] = 1 - 0.4 * np.exp(-foot / 1.2) * ~across
        return loose, green

    def _lawn(self, p: _Patch, grass: np.ndarray, tone: np.ndarray, season: float, vegetation: float) -> np.ndarray:
        """Lay the lawn where `grass` [M] is; returns the share that is green, [M]."""
        share = np.zeros(grass.size, np.float32)
        if not grass.any():
            return share
        autumn, winter = np.array([0.105, 0.105, 0.042]), np.array([0.115, 0.105, 0.058])
        green = self.colors[GRASS]
        color = green + (autumn - green) * smoothstep(0.2, 0.6, season) * 0.7
        color = color + (winter - color) * smoothstep(0.6, 1.0, season) * 0.75
        lawn = np.repeat(color[:, None].astype(np.float32), grass.sum(), 1)
        lay(lawn, np.array([0.13, 0.12, 0.055]), np.clip(0.25 * p.broad[grass] + 0.1, 0, 0.5))
        bare = smoothstep(-0.25, 0.25, p.blotch[grass] * 0.5 + 1.2 - 2.6 * vegetation - 0.35)
        lay(lawn, self.colors[GRAVEL] * 0.7, 0.85 * bare)
        p.albedo[:, grass] = lawn * (1 + tone[grass])
        share[grass] = 1 - bare
        return share

    def _wear(self, p: _Patch, road: np.ndarray) -> None:
        """Polished wheel tracks, oil along the lanes' middle, patches of newer asphalt, seams and covers."""
        albedo, lateral, u, v, far = p.albedo, p.lateral, p.u, p.v, p.far
        lane = self.plan.road / 2
        middle = np.abs(np.abs(lateral) - lane)
        albedo *= 1 + road * (0.10 * np.exp(-(((middle - 0.75) / 0.3) ** 2)) - 0.10 * np.exp(-((middle / 0.35) ** 2)))
        if self.patched:
            row, column = np.floor(v / 6.5), np.floor(u / 1.9)
            chance = hashed(self.salt, row, column)
            within = np.abs(v / 6.5 - row - 0.5) < 0.2 + 0.3 * hashed(self.salt + 1, row, column)
            albedo *= 1 + road * within * np.select(
                [chance < 0.07, chance > 0.96], np.float32([-0.28, 0.25]), np.float32(0)
            )
        wander = 0.25 * textures.sample(textures.FBM, 0 * u, 0.5 * v, far)
        seam = np.abs(np.abs(lateral) - lane * 0.97 - 0.15 * wander) - 0.025
        albedo *= 1 - 0.35 * road * cover(seam, far * 0.7)
        across = np.abs(v - 11 * np.floor(v / 11 + wander * 0.04) - 5 - 2 * wander) - 0.03
        albedo *= 1 - 0.4 * road * cover(across, far * 1.3)
        row, column = np.floor(v / 14), np.floor(u / 2.6)
        chance = hashed(self.salt + 2, row, column)
        distance = np.hypot(v - (row + 0.2 + 0.6 * chance) * 14, u - (column + 0.5) * 2.6) - 0.33
        albedo *= 1 - 0.5 * cover(distance, far) * (road & (chance < 0.35))

    def _markings(self, p: _Patch, road: np.ndarray) -> None:
        """Paint on the road: lanes, edges, parking bays, a zebra crossing."""
        albedo, lateral, away, z, blotch = p.albedo, p.lateral, p.away, p.z, p.blotch
        paint = np.array([0.62, 0.62, 0.60]) if not self.yellow else np.array([0.60, 0.42, 0.08])
        white = np.array([0.62, 0.62, 0.60])
        kept = np.clip(1.25 - self.worn * (0.9 + 0.55 * blotch), 0.1, 1) * road
        fp = np.maximum(p.far * 0.6, 0.01)
        if self.cycle_lane:
            lay(
                albedo,
                self.cycle_color[:, None] * (1 + 0.2 * blotch),
                0.85 * road * cover(np.abs(away - self.plan.road + 1.0) - 0.8, fp),
            )
        if self.marking in (1, 3):
            dash = np.abs(z - 9 * np.floor(z / 9) - 3) - 1.5
            lay(albedo, paint, kept * cover(np.maximum(np.abs(lateral) - 0.07, dash), fp))
        if self.marking == 2:
            lay(albedo, paint, kept * cover(np.abs(np.abs(lateral) - 0.14) - 0.06, fp))
        if self.marking == 3 or (self.marking and self.plan.kind == "country"):
            lay(albedo, white, kept * cover(np.abs(away - self.plan.road + 0.3) - 0.06, fp))
        if self.parking and self.marking and self.plan.kind in ("avenue", "square"):
            bay = np.abs(z - 5.5 * np.floor(z / 5.5) - 2.75) - 0.05
            line = np.where(away > self.plan.road - 2.1, bay, np.abs(away - self.plan.road + 2.1) - 0.05)
            lay(albedo, white, kept * 0.9 * cover(line, fp))
        if self.zebra > 0:
            stripe = np.abs(lateral - np.floor(lateral) - 0.5) - 0.25
            within = np.abs(z - self.zebra - 1.5) - 1.5
            lay(albedo, white, kept * cover(np.maximum(stripe, within), fp))


def _fallen(p: _Patch, kerb: np.ndarray, season: float, vegetation: float) -> None:
    """Leaves on the ground in autumn, most along the kerb [M] and under trees; brown remains in winter."""
    amount = smoothstep(0.25, 0.6, season) * (1 - 0.75 * smoothstep(0.75, 1.0, season)) * min(1.0, 1.3 * vegetation)
    if amount <= 0:
        return
    drift = textures.sample(textures.FBM, 0.6 * p.u + 7, 0.6 * p.v + 3, 0.6 * p.far)
    leaf = textures.sample(textures.LEAVES, 1.3 * p.u, 1.3 * p.v, 1.3 * p.far)
    beside = np.exp(-(((p.away - kerb) / 0.8) ** 2)) + np.where(p.away > kerb, np.float32(0.55), np.float32(0.1))
    share = np.clip(beside * amount * 0.75 + 0.22 * drift * amount - 0.1, 0, 0.95)
    shown = smoothstep(0.0, 0.5, share + 0.28 * leaf - 0.28) * (share > 0)
    hue = np.clip(0.5 + 0.45 * drift + 0.3 * leaf, 0, 1)
    color = np.float32([[0.14], [0.070], [0.030]]) + np.float32([[0.17], [0.115], [0.03]]) * hue
    lay(p.albedo, color * (1 - 0.45 * smoothstep(0.75, 1.0, season)), shown * 0.9)
