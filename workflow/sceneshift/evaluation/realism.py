"""How far pictures are from real photos that have what an edit adds, as far as a network can tell."""

from collections.abc import Iterable

import numpy as np
import torch

from sceneshift.evaluation.summary import Change
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.vision.backbone import FEATURES, Backbone, enlarged
from sceneshift.vision.frechet import FeatureStatistics, distance_between
from sceneshift.vision.kernel import kernel_distance

NETWORK = "efficientnet-lite2"  # no training here sees it
SIDE = 224


def features(pictures: Iterable[np.ndarray], backbone: Backbone) -> np.ndarray:
    """Pooled features, float32 [N, 1280], of pictures uint8 [H, W, 3] of any sizes."""
    device = next((tensor.device for tensor in backbone.buffers()), torch.device("cpu"))
    found = [
        backbone.pooled(enlarged(np.array(picture[None]), SIDE).to(device)).cpu().numpy()[0] for picture in pictures
    ]
    return np.array(found, dtype=np.float32).reshape(-1, FEATURES)


def distances(before: np.ndarray, after: np.ndarray, real: np.ndarray) -> list[Change]:
    """Fréchet and kernel distance to `real`, of the photos and of the edited ones: features [N, 1280] each.

    The photos' own distance is what an edit should bring down. A Fréchet distance of so few pictures is biased upwards,
    equally for both; the interval is that of the kernel distance's change. At least two pictures each.
    """
    there, *own = (FeatureStatistics(FEATURES).update(one) for one in (real, before, after))
    frechet = [distance_between(there, one) for one in own]
    kernel = [kernel_distance(one, real, numpy_generator("realism", "bootstrap")) for one in (before, after)]
    interval = np.nanquantile((kernel[1] - kernel[0])[1:], (0.025, 0.975)).tolist()
    found = {"frechet_distance": (frechet, [np.nan] * 2), "kernel_distance": ([float(d[0]) for d in kernel], interval)}
    return [
        Change("real photos", name, len(after), *both, both[1] - both[0], *ends) for name, (both, ends) in found.items()
    ]
