"""Daylight: where the sun stands, how strong and of what color sun and sky are. Linear, in units of the picture's
exposure: a white surface under irradiance 1 comes out white."""

import math

import numpy as np

from sceneshift.streets.draws import Draws
from sceneshift.streets.surface import dot, smoothstep

# Through the day: values at these natural_light, from night to noon.
_HOURS = np.array([0.0, 0.10, 0.20, 0.30, 0.40, 0.50, 0.65, 1.0])
_SKYLIGHT = np.log([0.032, 0.044, 0.095, 0.24, 0.38, 0.49, 0.56, 0.62])  # irradiance of a clear sky
_SUNLIGHT = np.array([0.0, 0.0, 0.0, 0.0, 0.25, 1.45, 1.90, 2.15])  # irradiance of the sun, square to it
_ELEVATION = np.array([-18.0, -12.0, -8.0, -5.0, 1.0, 8.0, 19.0, 1.0])  # degrees; at noon: the scene's own
_SUN = np.array([[1, 0.30, 0.08], [1, 0.30, 0.08], [1, 0.30, 0.08], [1, 0.32, 0.09], [1, 0.40, 0.13], [1, 0.58, 0.26],
                 [1, 0.80, 0.56], [1, 0.95, 0.86]])  # fmt: skip
_SKY_TINT = np.array([[0.72, 0.90, 1.30], [0.72, 0.90, 1.30], [0.74, 0.90, 1.28], [0.82, 0.90, 1.20], [0.98, 0.92, 1.0],
                      [1.06, 0.96, 0.88], [0.94, 0.97, 1.05], [0.84, 0.95, 1.15]])  # fmt: skip
_ZENITH = np.array([[0.007, 0.010, 0.022], [0.009, 0.014, 0.034], [0.014, 0.026, 0.070], [0.055, 0.095, 0.21],
                    [0.080, 0.14, 0.31], [0.10, 0.20, 0.42], [0.085, 0.22, 0.52], [0.065, 0.19, 0.55]])  # fmt: skip
_HORIZON = np.array([[0.012, 0.012, 0.016], [0.022, 0.024, 0.036], [0.060, 0.060, 0.090], [0.26, 0.20, 0.21],
                     [0.44, 0.33, 0.30], [0.66, 0.60, 0.54], [0.60, 0.68, 0.74], [0.52, 0.68, 0.86]])  # fmt: skip
_GLOW = np.array([[0, 0, 0], [0.01, 0.004, 0.0], [0.07, 0.025, 0.006], [0.55, 0.19, 0.05], [1.0, 0.42, 0.12],
                  [1.05, 0.62, 0.24], [0.35, 0.28, 0.18], [0.16, 0.15, 0.13]])  # fmt: skip


def _hour(table: np.ndarray, natural_light: float) -> np.ndarray:
    table = np.asarray(table)
    if table.ndim == 1:
        return np.interp(natural_light, _HOURS, table)
    return np.array([np.interp(natural_light, _HOURS, column) for column in table.T], np.float32)


class Light:
    """Sun, sky and the hour.

    natural_light: 1 noon, 0.5 low sun, 0.4 sunset, 0.2 blue hour, 0 night. sunny: 1 clear sun with hard shadows,
    0 overcast: no shadows, a white sky.

    sun_direction: [3], to the sun. sun, sky: [3], irradiance of the sun (square to its rays) and of the whole sky.
    night: how far lamps are switched on, 0 to 1. level: the sky's brightness against noon.
    """

    def __init__(self, draws: Draws, natural_light: float, sunny: float) -> None:
        rng = draws("sun")
        noon, azimuth, haze, tint, deep, glow = rng.random(6).tolist()
        elevations = _ELEVATION.copy()
        elevations[-1] = 32 + 32 * noon
        elevation = math.radians(np.interp(natural_light, _HOURS, elevations))
        # Half of the streets lie along the sun's way, so that low sun reaches into them.
        along, azimuth = azimuth < 0.5, 2 * math.pi * (2 * azimuth % 1)
        azimuth = 0.35 * azimuth - 0.35 * math.pi + (math.pi if haze < 0.5 else 0.0) if along else azimuth
        self.azimuth = azimuth
        self.sun_direction = np.array(
            [
                math.cos(elevation) * math.sin(azimuth),
                math.sin(elevation),
                math.cos(elevation) * math.cos(azimuth),
            ]
        )
        self.natural_light, self.sunny = natural_light, sunny
        self.night = float(1 - smoothstep(0.20, 0.42, natural_light))
        power = float(_hour(_SUNLIGHT, natural_light))
        self.sun = (_hour(_SUN, natural_light) * power * sunny).astype(np.float32)
        clear = math.exp(float(_hour(_SKYLIGHT, natural_light)))
        self.level = clear / math.exp(_SKYLIGHT[-1])
        overcast = clear * 1.12 + 0.22 * power * max(math.sin(elevation), 0.1)
        blue = _hour(_SKY_TINT, natural_light)
        city = np.array([1.0, 0.72, 0.45]) if tint < 0.55 else np.array([0.65, 0.85, 1.15])
        grey = np.array([0.95, 1.0, 1.06])
        grey = grey + (city - grey) * 0.6 * (1 - smoothstep(0.05, 0.3, natural_light))
        self.sky = ((blue * clear) * sunny + (grey * overcast) * (1 - sunny)).astype(np.float32)
        # Colors of the sky; the town's own glow stands in it at night.
        town = (0.016 + 0.06 * glow**1.5) * city * (1 - smoothstep(0.0, 0.35, natural_light))
        self._zenith = (
            _hour(_ZENITH, natural_light) * np.array([0.7 + 0.7 * deep, 0.85 + 0.3 * deep, 1.0]) + 0.25 * town
        )
        self._horizon = _hour(_HORIZON, natural_light) * (0.85 + 0.25 * haze) + town
        self._glow = _hour(_GLOW, natural_light)
        white = (0.82 + 0.55 * deep) * self.level**0.92
        self._overcast = np.array([0.96, 1.0, 1.05]) * white + town * 1.2
        self._deep = 3.0 + 4.0 * deep
        # Cloud: lit by the sun from above, by the town from below.
        self.cloud_lit = (
            0.55 * self.sky + 0.36 * _hour(_SUN, natural_light) ** 0.7 * power * (0.25 + 0.75 * sunny) + town
        )
        self.cloud_lit = self.cloud_lit * (1.35 if natural_light < 0.5 else 1.0)
        self.cloud_belly = 0.62 * self.sky + 0.10 * power * _hour(_SUN, natural_light) + 1.3 * town
        self.haze = self._horizon * sunny + 0.88 * self._overcast * (1 - sunny)
        self.fog = (0.78 * self._overcast * (1 - 0.25 * sunny) + 0.25 * self._horizon * sunny).astype(np.float32)
        self.fog = self.fog + (0.02 + 0.03 * glow) * self.night * np.array([1.0, 0.8, 0.6])
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and name != "sun_direction":
                setattr(self, name, value.astype(np.float32))

    def sky_radiance(self, direction: np.ndarray) -> np.ndarray:
        """The cloudless sky in unit directions [3, M], below the horizon as at it: [3, M]."""
        x, y, z = direction
        up = np.maximum(y, 0)
        fade = np.exp(-self._deep * up)
        color = self._zenith[:, None] + (self._horizon - self._zenith)[:, None] * fade
        toward = x * np.float32(math.sin(self.azimuth)) + z * np.float32(math.cos(self.azimuth))
        color += self._glow[:, None] * (np.clip(0.5 + 0.5 * toward, 0, 1) ** 3 * np.exp(-4 * up))
        if self.sunny < 1:
            grey = self._overcast[:, None] * (0.86 + 0.22 * up)
            color += (1 - self.sunny) * (grey - color)
        if self.sun.any():
            near = np.clip(dot(direction, self.sun_direction.astype(np.float32)), 0, 1)
            halo = 0.10 * near**6 + 0.35 * near**48 + np.where(near > 0.99985, np.float32(30), 1.2 * near**900)
            color += (self.sun * 0.5)[:, None] * halo
        return color
