"""Which samples are shaded, and how their colors become pixels.

Where all samples of a pixel see the same face of the same body, one stands for all: materials average themselves over
what a pixel covers. Where they differ, at outlines and in leaves, each is shaded.
"""

import numpy as np

from sceneshift.streets.tracing import GROUND, SKY, Buffer


class Samples:
    """The samples to shade: first one for each even pixel, then all samples of the other pixels; N in all.

    rays: [3, N]. depth, owner, face, across, up: [N], as in `Buffer`. span: [N], how many samples wide each is.
    """

    def __init__(self, buffer: Buffer, leafy: np.ndarray) -> None:
        """leafy: for each body, whether its samples differ even where they see nothing else."""
        size = buffer.camera.samples
        height, width = buffer.owner.shape[0] // size, buffer.owner.shape[1] // size
        self.shape, self.size = (height, width), size

        # Places in the buffer of each pixel's samples, [pixels, samples a pixel].
        corner = (
            np.arange(height, dtype=np.int32)[:, None] * (size * size * width) + np.arange(width, dtype=np.int32) * size
        ).ravel()
        inner = (np.arange(size, dtype=np.int32)[:, None] * (size * width) + np.arange(size, dtype=np.int32)).ravel()
        owner, face = buffer.owner.ravel(), buffer.face.ravel()
        first = owner[corner]
        even = ~np.append(leafy, [False, False])[first]  # GROUND and SKY, negative, take the two last
        for step in inner[1:]:
            even &= (owner[corner + step] == first) & (face[corner + step] == face[corner])
        self._even, self._other = np.nonzero(even)[0], np.nonzero(~even)[0]
        firsts, others = corner[self._even], (corner[self._other, None] + inner).ravel()
        every = np.concatenate([firsts, others])

        def averaged(plane: np.ndarray) -> np.ndarray:
            return np.concatenate([sum(plane[firsts + step] for step in inner) / np.float32(inner.size), plane[others]])

        self.rays = np.stack([averaged(plane.ravel()) for plane in buffer.rays])
        nearness = averaged(1 / buffer.depth.ravel())  # linear on planes
        self.depth = 1 / np.maximum(nearness, np.float32(1e-6))
        self.owner, self.face = owner[every], face[every].astype(np.int64)
        self.across, self.up = buffer.across.ravel()[every], buffer.up.ravel()[every]
        self.span = np.ones(self.owner.size, np.float32)
        self.span[: self._even.size] = size

    def picture(self, values: np.ndarray) -> np.ndarray:
        """Values [C, N] of the samples -> their means over pixels, [C, H, W]."""
        count = self._even.size
        table = np.empty((len(values), self.shape[0] * self.shape[1]), np.float32)
        table[:, self._even] = values[:, :count]
        table[:, self._other] = values[:, count:].reshape(len(values), -1, self.size**2).mean(2)
        return table.reshape(-1, *self.shape)

    @property
    def solid(self) -> np.ndarray:
        """Which samples see something, [M] indices."""
        return np.nonzero(self.owner != SKY)[0]

    @property
    def open(self) -> np.ndarray:
        """Which samples see the sky, [N - M] indices."""
        return np.nonzero(self.owner == SKY)[0]

    def whole_ground(self) -> np.ndarray:
        """Pixels that see nothing but ground, bool [H, W]."""
        return self.picture((self.owner == GROUND)[None].astype(np.float32))[0] > 0.999


def average(plane: np.ndarray, size: int) -> np.ndarray:
    """Means over cells of size x size: [H * size, W * size] -> [H, W]."""
    rows = sum(plane[k::size] for k in range(size))
    return sum(rows[:, k::size] for k in range(size)) * np.float32(1 / size**2)
