"""Maps are carried up by the guided filter: bilinear where the guide is flat, sharp where it has an edge."""

import numpy as np
import torch
from torch.nn import functional as F

from sceneshift.translator import guided
from sceneshift.translator.guided import edit_in_strips, full_size_maps, guided_maps
from sceneshift.translator.heads import EditMaps, apply_edit


def maps_of(height, width, seed=0):
    random = torch.Generator().manual_seed(seed)
    return EditMaps(
        gain=torch.rand(1, 3, height, width, generator=random) * 2,
        offset=torch.rand(1, 3, height, width, generator=random) * 2 - 1,
        mask=torch.rand(1, 1, height, width, generator=random),
    )


def full(photo, maps, small):
    """The strips put together again: [7, H, W]."""
    return torch.cat([torch.cat(list(strip), 1)[0] for _, strip, _ in full_size_maps(photo, maps, small)], dim=1)


def plain_window_mean(x, radius):
    out = np.empty_like(x)
    for i, j in np.ndindex(x.shape):
        out[i, j] = x[max(0, i - radius) : i + radius + 1, max(0, j - radius) : j + radius + 1].mean()
    return out


def test_coefficients_follow_the_formula():
    random = np.random.default_rng(0)
    guide, p = random.random((9, 12)), random.random((9, 12))

    def mean(x):
        return plain_window_mean(x, 3)

    a = (mean(guide * p) - mean(guide) * mean(p)) / (mean(guide**2) - mean(guide) ** 2 + 1e-3)
    b = mean(p) - a * mean(guide)
    slope, level = guided_maps(torch.tensor(p)[None], torch.tensor(guide))
    torch.testing.assert_close(slope[0], torch.tensor(mean(a)))
    torch.testing.assert_close(level[0], torch.tensor(mean(b)))


def test_on_a_flat_photo_maps_are_smoothed_and_enlarged_bilinearly():
    small, maps = torch.zeros(3, 8, 10), maps_of(8, 10)
    photo = np.full((80, 100, 3), 127, np.uint8)
    stacked = torch.cat(list(maps), 1)

    def smoothed(x):
        return F.avg_pool2d(x, 7, 1, 3, count_include_pad=False)

    expected = F.interpolate(smoothed(smoothed(stacked)), size=(80, 100), mode="bilinear")[0]
    torch.testing.assert_close(full(photo, maps, small), expected, atol=1e-4, rtol=1e-4)


def test_a_map_that_follows_an_edge_in_the_small_photo_follows_it_sharply_in_the_large_one():
    small = torch.full((3, 16, 16), -0.8)
    small[:, :, 8:] = 0.8
    gain = torch.full((1, 3, 16, 16), 0.4)
    gain[..., 8:] = 1.6
    maps = EditMaps(gain, torch.zeros(1, 3, 16, 16), torch.zeros(1, 1, 16, 16))
    photo = np.full((128, 128, 3), 26, np.uint8)
    photo[:, 64:] = 230
    row = full(photo, maps, small)[0, 64]
    assert (row[:64] - 0.4).abs().max() < 0.1  # plain bilinear enlargement is off by 0.6 at the edge
    assert (row[64:] - 1.6).abs().max() < 0.1


def test_a_photo_of_the_small_size_takes_the_maps_as_they_are():
    photo = np.random.default_rng(0).integers(0, 256, (8, 10, 3)).astype(np.uint8)
    maps = maps_of(8, 10)
    pixels = torch.from_numpy(photo).permute(2, 0, 1)[None] / 127.5 - 1
    edited, mask = edit_in_strips(photo, maps, pixels[0], 1.0)
    expected = ((apply_edit(pixels, maps)[0] + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0)
    assert np.array_equal(edited, expected.numpy())
    assert np.array_equal(mask, (maps.mask[0, 0] * 255).round().to(torch.uint8).numpy())


def test_strips_leave_no_seams(monkeypatch):
    photo = np.random.default_rng(0).integers(0, 256, (90, 70, 3)).astype(np.uint8)
    small, maps = torch.rand(3, 9, 7) * 2 - 1, maps_of(9, 7)
    at_once = edit_in_strips(photo, maps, small, 0.7)
    monkeypatch.setattr(guided, "STRIP_PIXELS", 7 * 70)
    in_strips = edit_in_strips(photo, maps, small, 0.7)
    assert all(np.array_equal(a, b) for a, b in zip(at_once, in_strips, strict=True))
