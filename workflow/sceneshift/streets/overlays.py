"""What is drawn over the shaded picture: wires, and the halos of lamps and headlights."""

import math

import numpy as np
from PIL import Image, ImageDraw

from sceneshift.streets.samples import average
from sceneshift.streets.scene import Scene
from sceneshift.streets.tracing import Buffer
from sceneshift.streets.weather import Air
from sceneshift.streets.wires import wires_of


def wires(scene: Scene, buffer: Buffer, air: Air, picture: np.ndarray) -> None:
    """Draw the overhead wires on the picture [3, H, W], in place."""
    lines = wires_of(scene.draws, scene.plan)
    if not lines:
        return
    height, width = buffer.depth.shape
    layer = Image.new("L", (width, height))
    draw = ImageDraw.Draw(layer)
    for points in lines:
        x, y, depth = scene.camera.project(points)
        for k in range(len(points) - 1):
            if min(depth[k], depth[k + 1]) > 1:
                away = min(depth[k], depth[k + 1])
                strength = min(255, int(255 * 0.05 * scene.camera.focal / away * math.exp(-air.extinction * away)))
                draw.line([x[k], y[k], x[k + 1], y[k + 1]], fill=strength)
    share = np.asarray(layer, np.float32) / 255 * (buffer.depth > 12)
    picture *= 1 - 0.9 * average(share, scene.camera.samples)


def glows(scene: Scene, buffer: Buffer, air: Air, picture: np.ndarray) -> None:
    """Add the halos of lamps, headlights and tail lights that nothing hides to the picture [3, H, W], in place."""
    night, fog = scene.light.night, scene.labels["fog"]
    points = [(p, scene.lamps.color * 6.0, 0.22) for p in scene.lamps.heads()]
    for car in scene.cars:
        if car.driving:
            a, side = np.array([car.along[0], 0, car.along[1]]), np.array([car.along[1], 0, -car.along[0]])
            middle = np.array([car.center[0], 0.68, car.center[1]])
            ahead = a * (car.length / 2 + 0.12)
            for sign in (-1, 1):
                aside = sign * side * car.width * 0.36
                points.append((middle + ahead + aside, np.array([4.5, 4.2, 3.6]), 0.12))
                points.append((middle - ahead + aside, np.array([1.3, 0.05, 0.04]), 0.10))
    x, y, depth = scene.camera.project(np.array([p for p, _, _ in points]).reshape(-1, 3))
    height, width = picture.shape[1:]
    for (_, color, size), column, row, away in zip(points, x, y, depth, strict=True):
        if away < 1.0 or not (-20 < column < scene.camera.width + 20 and -20 < row < scene.camera.height + 20):
            continue
        r, c = int(np.clip(row, 0, scene.camera.height - 1)), int(np.clip(column, 0, scene.camera.width - 1))
        if buffer.depth[r, c] < away - 0.6:
            continue
        metre = scene.camera.focal / away / scene.camera.samples
        core = max(size * metre, 0.55)
        weak = min(1.0, (size * metre / 0.55) ** 2 + 0.25) * np.exp(-air.extinction * away)
        wide = core * (6 + 7 * fog) + 0.02 * width
        reach = int(3 * wide) + 1
        cx, cy = column / scene.camera.samples, row / scene.camera.samples
        rows = slice(max(0, int(cy) - reach), min(height, int(cy) + reach + 1))
        columns = slice(max(0, int(cx) - reach), min(width, int(cx) + reach + 1))
        square = (np.arange(height)[rows, None] + 0.5 - cy) ** 2 + (np.arange(width)[None, columns] + 0.5 - cx) ** 2
        shape = np.exp(-square / (2 * core**2)) + (0.07 + 0.10 * fog) * np.exp(-np.sqrt(square) / (0.45 * wide))
        picture[:, rows, columns] += (night * weak * color)[:, None, None] * shape
