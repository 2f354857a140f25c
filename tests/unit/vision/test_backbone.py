"""The folded, fused and bfloat16 backbone against the published implementation in plain float32."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from efficientnet_lite_pytorch import EfficientNet

from sceneshift.streets import render_street
from sceneshift.vision.backbone import FEATURES, WEIGHTS, enlarged, load_backbone


@pytest.fixture(scope="module")
def images():
    return np.stack([render_street(0, i, (64, 64)) for i in range(24)])


def published_features(x, name):
    network = EfficientNet.from_name(name, image_size=None)  # None: pads by the size at hand
    network.load_state_dict(torch.load(WEIGHTS[name].get_model_file_path(), weights_only=True))
    with torch.no_grad():
        return network.eval().extract_features((x * 255 - 127) / 128).mean((2, 3))


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("size", [128, 99])
def test_float32_equals_the_published_network(images, size, name):
    x = enlarged(images[:4], size)
    features = load_backbone("cpu", "float32", name).pooled(x)
    assert features.shape == (4, FEATURES)
    torch.testing.assert_close(features, published_features(x, name), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", WEIGHTS)
def test_bfloat16_features_point_the_same_way(images, name):
    x = enlarged(images, 128)
    cosine = F.cosine_similarity(load_backbone("cpu", "bfloat16", name).pooled(x), published_features(x, name))
    assert cosine.mean() > 0.998
    assert cosine.min() > 0.99


def test_features_do_not_depend_on_the_batch(images):
    x, backbone = enlarged(images, 128), load_backbone("cpu")
    assert torch.equal(backbone.pooled(x), torch.cat([backbone.pooled(x[:5]), backbone.pooled(x[5:])]))
    assert backbone.pooled(x[:0]).shape == (0, FEATURES)


@pytest.mark.parametrize(
    ("name", "channels"),
    [("efficientnet-lite0", (16, 24, 40, 112, 320)), ("efficientnet-lite2", (16, 24, 48, 120, 352))],
)
def test_stages_are_differentiable_and_equal_with_and_without_gradients(images, name, channels):
    x = enlarged(images[:2], 64)
    backbone = load_backbone("cpu", "float32", name)
    without = backbone.stages(x)
    # the last block at each of the strides 2, 4, 8, 16, 32
    assert [tuple(s.shape[1:]) for s in without] == [(c, 32 >> i, 32 >> i) for i, c in enumerate(channels)]
    x = x.clone().requires_grad_()
    stages = backbone.stages(x)
    for a, b in zip(stages, without, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)
    sum(s.square().mean() for s in stages).backward()
    assert x.grad.abs().sum() > 0


def test_enlarged_shrinks_with_antialiasing_and_keeps_the_range():
    stripes = np.zeros((1, 64, 64, 3), np.uint8)
    stripes[:, :, ::2] = 255
    shrunk = enlarged(stripes, 16)
    assert shrunk.shape == (1, 3, 16, 16)
    assert (shrunk - 0.5).abs().max() < 0.05
    assert enlarged(stripes, 64).max() == 1
