"""The augmentation pipe: exact where nothing happens, right where one thing happens, differentiable twice."""

import pytest
import torch

from sceneshift.generator import augmentation
from sceneshift.generator.augmentation import augment
from sceneshift.runtime.randomness import torch_generator


@pytest.fixture(params=[8, 14], ids=["square", "wide"])
def images(request):
    torch.manual_seed(0)
    coarse = torch.randn(6, 3, 8, request.param)
    return torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic").clamp(-1, 1)


def test_zero_probability_changes_nothing(images):
    assert augment(images, 0.0, torch_generator(0)) is images


def test_the_warp_without_a_transformation_is_exact(images):
    same = augmentation._warp(images, torch.eye(3).repeat(6, 1, 1))
    torch.testing.assert_close(same, images, atol=1e-4, rtol=0)


def test_the_warp_translates_and_flips_as_pixels_do(images):
    def warped(matrix):
        return augmentation._warp(images, matrix.repeat(6, 1, 1))

    shift = augmentation._translation(torch.tensor([[3.0, 0.0]]))
    torch.testing.assert_close(warped(shift)[..., :-12], images[..., 3:-9], atol=1e-3, rtol=0)
    # the symlet is not quite symmetric, so mirrored pictures come out a fraction of a pixel aside, as in the paper
    flip = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))[None]
    assert distance(warped(flip), images.flip(3)) < 0.3 * distance(images, images.flip(3))


@pytest.mark.parametrize("columns", [8, 16])
def test_rotations_turn_pixels_and_not_shares_of_the_sides(columns):
    torch.manual_seed(0)
    images = torch.nn.functional.interpolate(torch.randn(2, 3, 8, columns), scale_factor=4, mode="bicubic").clamp(-1, 1)
    turned = augmentation._warp(images, augmentation._rotation(torch.full([2], torch.pi / 2)))
    beside = 2 * columns - 16
    middle, there = (x[..., beside : beside + 32] for x in (images, turned))  # the square part turns within itself
    assert min(distance(there, middle.rot90(k, (2, 3))) for k in (1, 3)) < 0.3 * distance(there, middle)


def test_only_squares_turn_by_quarters(monkeypatch):
    angles = []
    original = augmentation._rotation
    monkeypatch.setattr(augmentation, "_rotation", lambda angle: angles.append(angle) or original(angle))
    for width, steps in ((32, {0, 1, 2, 3}), (64, {0, 2})):
        angles.clear()
        augmentation._geometry(torch.zeros(200, 3, 32, width), 1.0, torch_generator(0))
        assert set((angles[0] / (torch.pi / 2)).round().int().tolist()) == steps


def test_translations_are_shares_of_each_side(monkeypatch):
    shifts = []
    original = augmentation._translation
    monkeypatch.setattr(augmentation, "_translation", lambda shift: shifts.append(shift) or original(shift))
    augmentation._geometry(torch.zeros(500, 3, 32, 96), 1.0, torch_generator(0))
    whole, fine = shifts
    assert whole.abs().amax(dim=0).tolist() == [12, 4]
    assert (fine.std(dim=0) / torch.tensor([96, 32])).tolist() == pytest.approx([0.125, 0.125], rel=0.15)


def distance(one, other):
    return (one - other).abs().mean().item()


def test_color_matrices_do_what_they_are_named_for(images):
    n = len(images)
    color = augmentation._color(images, 1.0, torch_generator(0))
    assert color.shape == (n, 4, 4)
    grey = images.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    # every transformation keeps the grey axis: grey pixels stay grey
    out = augmentation._apply_color(grey, color)
    torch.testing.assert_close(out, out.mean(dim=1, keepdim=True).expand_as(out), atol=1e-4, rtol=1e-4)


def test_draws_are_a_function_of_the_key(images):
    one, two = (augment(images, 0.8, torch_generator("key")) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, augment(images, 0.8, torch_generator("other")))


def test_each_image_is_transformed_on_its_own_with_probability_p(images):
    many = images[:1].expand(400, -1, -1, -1)
    changed = (augment(many, 0.05, torch_generator(1)) - many).abs().amax(dim=(1, 2, 3)) > 0.02
    assert 0.2 < changed.float().mean() < 0.6  # about ten transformations of probability 0.05


def test_the_pipe_is_differentiable_twice():
    small = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    fine = torch.rand(2, 6, 6, 2, dtype=torch.float64) * 2 - 1
    assert torch.autograd.gradcheck(lambda x: augmentation._Sample.apply(x, fine), [small])
    assert torch.autograd.gradgradcheck(lambda x: augmentation._Sample.apply(x, fine), [small])


def test_r1_reaches_through_the_pipe(images):
    x = images.clone().requires_grad_()
    y = augment(x, 1.0, torch_generator(2))
    (gradient,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    gradient.square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0
