"""From linear light to the file: exposure, white balance, vignette, tone curve, noise, sharpening, JPEG."""

import math

import numpy as np
from scipy import ndimage

from sceneshift.streets.draws import Draws
from sceneshift.streets.plan import Plan

_ROWS, _COLUMNS = np.mgrid[:8, :8]
_COSINES = np.cos((2 * _COLUMNS + 1) * _ROWS * np.pi / 16) * np.where(_ROWS == 0, np.sqrt(1 / 8), 0.5)
_COSINES = _COSINES.astype(np.float32)
_LUMA_STEPS = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
])  # fmt: skip
_CHROMA_STEPS = np.array([[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]])
_YCC = np.float32([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_RGB = np.linalg.inv(_YCC)


class Film:
    """One camera's way of making a picture."""

    def __init__(self, draws: Draws, plan: Plan) -> None:
        rng = draws("film")
        u = rng.random(12).tolist()
        narrow = {"lane": 1.25, "avenue": 1.05}.get(plan.kind, 0.95)
        self.exposure = narrow * 2.0 ** float(np.clip(rng.normal(-0.16, 0.33), -0.8, 0.7))
        warmth, green = rng.normal(0, 0.06), rng.normal(0, 0.02)
        self.long = {"country": 1.3, "park": 0.7, "suburb": 0.35}.get(
            plan.kind, 0.15
        )  # where lamps are few, nights are exposed longer
        self.balance = np.array([1 + warmth, 1 + green, 1 - warmth], np.float32)
        self.vignette = 0.38 * u[0] ** 1.5
        self.contrast = 0.95 + 0.55 * u[1]
        self.saturation = 0.95 + 0.65 * u[2] if u[3] > 0.03 else 0.08
        self.lift = 0.02 * u[4] ** 2
        self.noise = 0.002 + 0.012 * u[5] ** 2
        self.sharpness = 0.9 * u[6]
        self.quality = 45 + 50 * u[7] if u[8] < 0.6 else None
        self.salt = draws.salt("film", "grain")

    def develop(self, light: np.ndarray, night: float) -> np.ndarray:
        """Linear light [3, H, W] -> uint8 [H, W, 3]."""
        height, width = light.shape[1:]
        y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / math.hypot(height, width) * 2
        x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / math.hypot(height, width) * 2
        fall = 1 - np.float32(self.vignette) * (x[None] ** 2 + y[:, None] ** 2)
        gain = self.exposure * (1 + self.long * night**2)
        picture = light * (gain * self.balance)[:, None, None] * fall
        picture = _tone(np.maximum(picture, 0))
        if self.contrast != 1:
            bent = 0.5 * (2 * np.minimum(picture, 1 - picture)) ** self.contrast  # the same from both ends
            picture = np.where(picture < 0.5, bent, 1 - bent)
        grey = _mixed(_YCC[:1], picture)
        picture = grey + (picture - grey) * np.float32(self.saturation)
        picture = self.lift + (1 - self.lift) * picture
        if self.sharpness > 0.05:
            soft = np.stack([ndimage.uniform_filter(channel, 3, mode="nearest") for channel in picture])
            picture = picture + np.float32(self.sharpness) * (picture - soft)
        rng = np.random.Generator(np.random.Philox(key=self.salt))
        grain = rng.standard_normal((3, height, width), np.float32)
        grain = 0.75 * grain[:1] + 0.45 * grain  # mostly shared by the colors
        picture = picture + grain * np.float32(self.noise * (1 + 0.6 * night))
        picture = np.clip(picture, 0, 1) * 255
        if self.quality is not None:
            picture = _jpeg(picture, self.quality)
        return np.clip(picture + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)


def _tone(x: np.ndarray) -> np.ndarray:
    """A film-like curve with toe and shoulder (Narkowicz 2015, fitted to ACES), in sRGB's encoding."""
    x = x * np.float32(0.70)
    y = np.clip(1.09 * (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)  # bright skies burn out
    return np.where(y < 0.0031308, 12.92 * y, 1.055 * np.maximum(y, 1e-6) ** np.float32(1 / 2.4) - 0.055)


def _jpeg(picture: np.ndarray, quality: float) -> np.ndarray:
    """Quantize the 8 x 8 cosine transform of luma and chroma as JPEG does (ITU T.81, Annex K), [3, H, W]."""
    channels, height, width = picture.shape
    padded = np.pad(picture, ((0, 0), (0, -height % 8), (0, -width % 8)), mode="edge")
    planes = _mixed(_YCC, padded) - np.float32([128, 0, 0])[:, None, None]
    rows, columns = padded.shape[1] // 8, padded.shape[2] // 8
    blocks = planes.reshape(channels, rows, 8, columns, 8).swapaxes(2, 3)
    scale = (5000 / quality if quality < 50 else 200 - 2 * quality) / 100
    chroma = np.full((8, 8), 99.0)
    chroma[:4, :4] = _CHROMA_STEPS
    steps = np.maximum(np.stack([_LUMA_STEPS, chroma, chroma]) * scale, 1).astype(np.float32)[:, None, None]
    coefficients = np.round(_COSINES @ blocks @ _COSINES.T / steps) * steps
    blocks = _COSINES.T @ coefficients @ _COSINES
    planes = blocks.swapaxes(2, 3).reshape(padded.shape) + np.float32([128, 0, 0])[:, None, None]
    return _mixed(_RGB, planes)[:, :height, :width]


def _mixed(matrix: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """matrix [K, 3] times the colors of planes [3, H, W]: [K, H, W]."""
    return np.stack([a * planes[0] + b * planes[1] + c * planes[2] for a, b, c in matrix])
