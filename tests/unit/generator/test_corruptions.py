"""Filtering, noise and cutout of ADA's larger pipes, by their closed forms."""

import pytest
import torch

from sceneshift.generator import corruptions
from sceneshift.generator.augmentation import augment
from sceneshift.runtime.randomness import torch_generator
from sceneshift.training.microbatches import WHOLE


def band_responses(omega):
    """Of the four filters at angular frequencies [...], in closed form: [4, ...]."""

    def low(w):
        return 0.5 + 9 / 16 * torch.cos(w) - torch.cos(3 * w) / 16

    pass_1, pass_2, pass_4 = low(omega), low(2 * omega), low(4 * omega)
    bands = [pass_4 * pass_2 * pass_1, (1 - pass_4) * pass_2 * pass_1, (1 - pass_2) * pass_1, 1 - pass_1]
    return torch.stack(bands)


def test_the_bands_are_those_of_the_wavelet():
    taps = torch.tensor([1 + 3**0.5, 3 + 3**0.5, 3 - 3**0.5, 1 - 3**0.5]) / (4 * 2**0.5)  # Daubechies 1992
    half_band = torch.nn.functional.conv1d(taps[None, None], taps[None, None], padding=3)[0, 0] / 2
    torch.testing.assert_close(corruptions.LOW, half_band, atol=1e-6, rtol=0)
    omega = torch.linspace(0, torch.pi, 50)
    filters = corruptions.band_filters()
    places = torch.arange(filters.shape[1]) - filters.shape[1] // 2
    found = (filters[:, None] * torch.cos(omega[:, None] * places)).sum(dim=-1)
    torch.testing.assert_close(found, band_responses(omega), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.sum(dim=0), torch.ones(50), atol=1e-5, rtol=0)


@pytest.mark.parametrize("width", [96, 168])
def test_filtering_scales_waves_by_the_response_of_both_axes(width):
    gains = torch.tensor([[0.8, 2.0, 0.5, 1.5], [1.2, 0.6, 1.0, 3.0]])
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(float(width)), indexing="ij")
    frequencies = [(0.0, 0.1), (0.4, 0.9), (2.0, 3.0)]  # down, across
    waves = torch.stack([torch.cos(down * y) * torch.cos(across * x) for down, across in frequencies])
    filtered = corruptions.filtered(waves.expand(2, -1, -1, -1), gains)
    for n, gain in enumerate(gains):
        for channel, pair in enumerate(frequencies):
            down, across = (gain @ band_responses(torch.tensor(w)) for w in pair)
            inside = filtered[n, channel, 21:-21, 21:-21] - down * across * waves[channel, 21:-21, 21:-21]
            assert inside.abs().max() < 1e-3 * waves[channel].std()


def test_filtering_mirrors_the_borders():
    gains, images = torch.tensor([[0.8, 2.0, 0.5, 1.5]]), torch.randn(1, 3, 32, 32)
    padded = torch.nn.functional.pad(images, (21, 21, 21, 21), mode="reflect")
    kernel = gains @ corruptions.band_filters()
    across = torch.nn.functional.conv2d(padded.transpose(0, 1), kernel[None, None])
    both = torch.nn.functional.conv2d(across, kernel.T[None, None]).transpose(0, 1)
    torch.testing.assert_close(corruptions.filtered(images, gains), both, atol=1e-4, rtol=0)


def test_gains_keep_the_power_that_photos_have():
    gains = corruptions.band_gains(1000, 1.0, torch_generator(0), WHOLE)
    alone = torch.tensor([[2.0, 1, 1, 1]])  # of one band's factor, in closed form
    scaled = alone / ((10 * 4 + 3) / 13) ** 0.5
    torch.testing.assert_close((corruptions.EXPECTED_POWER * scaled.square()).sum(), torch.tensor(1.0))
    logs = gains.log2()
    assert (logs[:, 3] - logs[:, 2]).std().item() == pytest.approx(2**0.5, rel=0.1)  # two factors 2^N(0, 1)
    assert torch.equal(corruptions.band_gains(10, 0.0, torch_generator(0), WHOLE), torch.ones(10, 4))


def test_noise_has_half_normal_deviations():
    deviations = corruptions.additive_noise((2000, 16, 16), 0.5, torch_generator(0), WHOLE).std(dim=(1, 2, 3))
    noisy = deviations[deviations > 0]
    assert len(noisy) / 2000 == pytest.approx(0.5, abs=0.05)
    assert noisy.square().mean().sqrt().item() == pytest.approx(0.1, rel=0.08)
    assert noisy.median().item() == pytest.approx(0.0674, rel=0.1)


def test_cutout_leaves_zeros_in_a_rectangle_of_half_the_sides():
    n, height, width = 6, 32, 56
    cut = augment(torch.ones(n, 3, height, width), 1.0, torch_generator(0), "cutout")
    centers = corruptions.cutout(n, 1.0, torch_generator(0), WHOLE)
    y, x = torch.meshgrid((torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij")
    for image, (across, down, side) in zip(cut, centers, strict=True):
        hole = ((x - across).abs() < side / 2) & ((y - down).abs() < side / 2)
        assert side == 0.5
        assert torch.equal(image, (~hole).float().expand(3, -1, -1))
    middle = corruptions.cut_out(torch.ones(1, 3, 32, 32), torch.tensor([[0.5, 0.5, 0.5]]))
    assert (middle == 0).sum() == 3 * 16 * 16
