"""Draw a street: from its seed, its index and its labels to a picture, and to what the picture shows where."""

from dataclasses import dataclass

import numpy as np

from sceneshift.streets import overlays, weather
from sceneshift.streets.camera import LARGEST, SMALLEST
from sceneshift.streets.draws import Draws
from sceneshift.streets.film import Film
from sceneshift.streets.illumination import air_color, illuminate
from sceneshift.streets.labels import VISIBLE, labels_of
from sceneshift.streets.samples import Samples
from sceneshift.streets.scene import Scene
from sceneshift.streets.shading import shade, surface_of
from sceneshift.streets.sky import Backdrop, Clouds
from sceneshift.streets.surface import dot
from sceneshift.streets.tracing import GROUND


@dataclass(frozen=True)
class StreetView:
    """A drawn street. picture: uint8 [H, W, 3]. labels: by name. sky, greenery, cars, ground, facades: float32 [H, W],
    the share of each pixel that shows open sky, plants, vehicles, ground (lawns too), walls of houses."""

    picture: np.ndarray
    labels: dict[str, float]
    sky: np.ndarray
    greenery: np.ndarray
    cars: np.ndarray
    ground: np.ndarray
    facades: np.ndarray

    @property
    def content(self) -> dict[str, float]:
        """Shares of the picture: open_sky, greenery, cars."""
        return {
            "open_sky": float(self.sky.mean()),
            "greenery": float(self.greenery.mean()),
            "cars": float(self.cars.mean()),
        }


def render_street(seed: int, index: int, shape: tuple[int, int], **labels: float) -> np.ndarray:
    """The picture of street `index` of `seed`, uint8 [H, W, 3] RGB: a pure function of the arguments.

    shape: (height, width) in pixels, the shorter side at least 16, the longer at most 1024.
    labels: values in [0, 1] that replace the street's own (see `LABELS`); all else stays as it is.

    Raises ValueError for an unknown label, a label outside [0, 1], or a shape out of range.
    """
    return draw_street(seed, index, shape, **labels).picture


def render_streets(seed: int, shape: tuple[int, int], indices: range) -> tuple[np.ndarray, np.ndarray]:
    """Several streets as photos to learn from: uint8 [N, H, W, 3], and what is `VISIBLE` of their labels and
    content, float32 [N, 5]. Of a share the square root: 0.5, between with and without, is a quarter of the picture."""
    views = [draw_street(seed, index, shape) for index in indices]
    known = [view.labels | {name: share**0.5 for name, share in view.content.items()} for view in views]
    labels = [[values[name] for name in VISIBLE] for values in known]
    return np.stack([view.picture for view in views]), np.array(labels, np.float32)


def draw_street(seed: int, index: int, shape: tuple[int, int], **labels: float) -> StreetView:
    """As `render_street`, with what is known about every pixel."""
    height, width = shape
    if min(height, width) < SMALLEST or max(height, width) > LARGEST:
        raise ValueError(f"shape {height} x {width}: expected sides from {SMALLEST} to {LARGEST} pixels")
    values = labels_of(seed, index, labels)
    draws = Draws(seed, index)
    scene = Scene(draws, shape, 3 if height * width <= 80 * 80 else 2, values)
    light = scene.light
    air = weather.Air(draws, values["fog"], values["rain"], values["snow"])

    # What the samples see, and what it is made of.
    buffer = scene.trace()
    samples = Samples(buffer, scene.of_kind("tree"))
    surface = surface_of(scene, samples)
    mirror, lawn = shade(scene, samples, surface)

    # Light, haze and sky.
    color = np.empty_like(samples.rays)
    veil = air.veil(surface.distance)
    near = illuminate(scene, surface)
    color[:, samples.solid] = near + veil * (air_color(light, values["fog"], surface.view) - near)
    color[:, samples.open], sky_share = _sky(scene, air, samples.rays[:, samples.open])
    picture = samples.picture(color)
    if values["rain"] > 0:
        share = np.zeros(samples.owner.size, np.float32)
        share[samples.solid] = mirror * (1 - veil)
        weather.reflect(picture, samples.whole_ground(), samples.picture(share[None])[0], 0.55 - 0.3 * values["rain"])

    # Before the lens, and the camera.
    overlays.wires(scene, buffer, air, picture)
    if light.night > 0:
        overlays.glows(scene, buffer, air, picture)
    weather.bloom(picture, values["fog"])
    air.fall(picture, light)

    def seen(*kinds: str) -> np.ndarray:
        return np.append(scene.of_kind(*kinds), [False, False])[samples.owner]  # the two last: GROUND and SKY

    shares = np.zeros((5, samples.owner.size), np.float32)
    shares[0, samples.open] = sky_share
    shares[1] = seen("tree", "hedge")
    shares[1, samples.solid] += lawn
    shares[2], shares[3] = seen("car", "cabin"), samples.owner == GROUND
    shares[4] = seen("house") & (samples.face < 4)
    return StreetView(Film(draws, scene.plan).develop(picture, light.night), values, *samples.picture(shares))


def _sky(scene: Scene, air: weather.Air, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sky, clouds, fog and what closes the horizon, for rays [3, N]: color [3, N], and which share is open sky [N]."""
    labels, light = scene.labels, scene.light
    direction = rays / np.sqrt(dot(rays, rays))
    color = light.sky_radiance(direction)
    Clouds(scene.draws).paint(color, direction, light, labels["clouds"])
    backdrop = Backdrop(scene.draws, scene.plan.kind, labels["vertical_components"])
    share = backdrop.cover(direction, 1.0 / scene.camera.focal)
    hidden = np.nonzero(share > 0)[0]
    if hidden.size:
        ridge = backdrop.shade(direction[:, hidden], light, labels["season"], labels["snow"])
        ridge += air.veil(np.float32(500.0)) * (air_color(light, labels["fog"], direction[:, hidden]) - ridge)
        color[:, hidden] += share[hidden] * (ridge - color[:, hidden])
    if labels["fog"] > 0:
        veil = air.veil(90 / np.maximum(direction[1], 0.06)) * min(1.0, 6 * labels["fog"])
        color += veil * (air_color(light, labels["fog"], direction) - color)
    return color, 1 - share
