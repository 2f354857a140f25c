"""Arithmetic is counted as it is by hand, backward passes and oneDNN's own operators included."""

import torch
from torch.nn import functional as F

from sceneshift.vision.backbone import load_backbone
from tools.flops import Flops


def test_a_product_and_a_convolution_with_their_gradients():
    a, b = torch.randn(3, 4, requires_grad=True), torch.randn(4, 5)
    with Flops() as counted:
        (a @ b).sum().backward()
    assert counted.total == 2 * (2 * 3 * 4 * 5)
    x, weight = torch.randn(2, 3, 8, 8), torch.randn(7, 3, 3, 3, requires_grad=True)
    with Flops() as counted:
        F.conv2d(x, weight, padding=1).sum().backward()
    assert counted.total == 2 * (2 * 2 * 8 * 8 * 9 * 3 * 7)


def test_a_gradient_by_the_photos():
    photos, layer = torch.randn(2, 3, 8, 8, requires_grad=True), torch.nn.Conv2d(3, 4, 3)
    with Flops() as counted:
        (gradient,) = torch.autograd.grad(layer(photos).sum(), photos, create_graph=True)
        gradient.square().sum().backward()
    assert counted.total > 0


def test_the_backbone_counts_as_much_with_onednns_operators_as_without():
    backbone, images = load_backbone("cpu", "float32"), torch.rand(1, 3, 64, 64)
    with Flops() as fused:
        backbone.stages(images)
    with Flops() as plain:
        backbone.stages(images.requires_grad_())
    assert fused.total == plain.total > 0
