"""Losses against their closed forms."""

import pytest
import torch
from torch.nn import functional as F

import sceneshift.vision.backbone
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.translator.losses import (
    STAGE_WEIGHTS,
    discriminator_loss,
    feature_matching,
    least_squares,
    perceptual_loss,
)
from sceneshift.translator.perceptual import load_vgg19
from sceneshift.vision.backbone import load_backbone


def verdicts(*values: float) -> list[list[torch.Tensor]]:
    """Scales of five constant maps; the last is the verdict."""
    return [[torch.full((2, 3, 4, 4), value)] * 4 + [torch.full((2, 1, 5, 5), value)] for value in values]


def test_least_squares_sums_over_scales():
    assert least_squares(verdicts(0.5, 3.0), 1.0).item() == pytest.approx(0.25 + 4.0)


def test_discriminator_loss_is_half_of_both_sides():
    assert discriminator_loss(verdicts(0.5), verdicts(2.0)).item() == pytest.approx(0.5 * (0.25 + 4.0))


def test_feature_matching_weights_are_the_published_ones():
    # Σ over 2 scales and 4 layers of 1/num_D · 4/(n_layers + 1) · L1, with n_layers = 3
    expected = sum((1 / 2) * (4 / (3 + 1)) * difference for difference in (1.0, 0.25) for _ in range(4))
    assert feature_matching(verdicts(1.0, 1.0), verdicts(2.0, 1.25)).item() == pytest.approx(expected)


def test_feature_matching_leaves_the_real_side_alone():
    real, fake = verdicts(1.0), verdicts(2.0)
    real[0][0] = real[0][0].clone().requires_grad_()
    fake[0][0] = fake[0][0].clone().requires_grad_()
    feature_matching(real, fake).backward()
    assert real[0][0].grad is None
    assert fake[0][0].grad.abs().sum() > 0


def test_perceptual_weights_are_the_published_ones():
    assert STAGE_WEIGHTS == (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)

    def stages(images):
        return [images * k for k in (1, 2, 3, 4, 5)]

    a, b = torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5)  # 0.25 apart in [0, 1]
    expected = 0.25 * sum(w * k for w, k in zip(STAGE_WEIGHTS, (1, 2, 3, 4, 5), strict=True))
    assert perceptual_loss(stages, a, b).item() == pytest.approx(expected)


def test_backbone_gives_gradients_to_the_image():
    image = (torch.rand(1, 3, 64, 64) * 2 - 1).requires_grad_()
    perceptual_loss(load_backbone("cpu", "float32").stages, image, torch.rand(1, 3, 64, 64)).backward()
    assert image.grad.abs().sum() > 0


@pytest.mark.parametrize("size", [(64, 64), (45, 70)])
def test_backbones_fast_gradient_is_autograds(size, monkeypatch):
    backbone = load_backbone("cpu", "float32")
    target = torch.rand(1, 3, *size)

    def gradient():
        image = torch.linspace(-1, 1, target.numel()).view_as(target).requires_grad_()
        return torch.autograd.grad(perceptual_loss(backbone.stages, image, target), image)[0]

    fast = gradient()
    monkeypatch.setattr(
        sceneshift.vision.backbone._HalvingDepthwise,
        "apply",
        lambda x, weight, bias, padding: F.conv2d(x, weight, bias, 2, padding, 1, weight.shape[0]),
    )
    torch.testing.assert_close(fast, gradient(), rtol=1e-3, atol=1e-6)


def test_vgg19_is_read_by_torchvisions_names(tmp_path):
    torch.manual_seed(0)
    convolutions = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128), 12: (256, 256)}
    convolutions |= {14: (256, 256), 16: (256, 256), 19: (512, 256), 21: (512, 512), 23: (512, 512)}
    convolutions |= {25: (512, 512), 28: (512, 512), 30: (512, 512)}
    weights = {"classifier.0.bias": torch.zeros(3)}
    for index, (out, inputs) in convolutions.items():
        weights[f"features.{index}.weight"] = torch.randn(out, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
        weights[f"features.{index}.bias"] = torch.zeros(out)
    torch.save(weights, tmp_path / "vgg19.pth")
    pictures = torch.rand(1, 3, 32, 32)
    stages = load_vgg19(tmp_path / "vgg19.pth")(pictures)
    first = torch.nn.functional.conv2d(2 * pictures - 1, weights["features.0.weight"], padding=1).relu()
    torch.testing.assert_close(stages[0], first)  # in [-1, 1], as published
    assert [tuple(s.shape[1:]) for s in stages] == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 2, 2)]
    assert all(s.min() >= 0 for s in stages)  # after the ReLUs

    del weights["features.28.bias"]
    torch.save(weights, tmp_path / "other.pth")
    with pytest.raises(SceneshiftError, match=r"other\.pth: features\.28\.bias is nothing, expected \(512,\)"):
        load_vgg19(tmp_path / "other.pth")


@pytest.mark.parametrize("content", [None, b"", b"not weights at all"])
def test_other_files_are_refused_as_vgg19(tmp_path, content):
    path = tmp_path / "vgg19.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SceneshiftError, match=r"vgg19\.pth.*perceptual_network|perceptual_network.*vgg19\.pth"):
        load_vgg19(path)
