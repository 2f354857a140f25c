"""The augmentation pipe: exact where nothing happens, right where one thing happens, differentiable twice."""

import pytest
import torch

from sceneshift.generator import augmentation
from sceneshift.generator.augmentation import augment
from sceneshift.runtime.randomness import torch_generator


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.nn.functional.interpolate(torch.randn(6, 3, 8, 8), 32, mode="bicubic").clamp(-1, 1)


def test_zero_probability_changes_nothing(images):
    assert augment(images, 0.0, torch_generator(0)) is images


def test_the_warp_without_a_transformation_is_exact(images):
    same = augmentation._warp(images, torch.eye(3).repeat(6, 1, 1))
    torch.testing.assert_close(same, images, atol=1e-4, rtol=0)


def test_the_warp_translates_flips_and_turns_as_pixels_do(images):
    def warped(matrix):
        return augmentation._warp(images, matrix.repeat(6, 1, 1))

    shift = augmentation._translation(torch.tensor([[3.0, 0.0]]))
    torch.testing.assert_close(warped(shift)[..., :-12], images[..., 3:-9], atol=1e-3, rtol=0)
    # the symlet is not quite symmetric, so mirrored pictures come out a fraction of a pixel aside, as in the paper
    flip = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))[None]
    assert distance(warped(flip), images.flip(3)) < 0.3 * distance(images, images.flip(3))
    quarter = augmentation._rotation(torch.tensor([torch.pi / 2]))
    turns = [distance(warped(quarter), images.rot90(k, (2, 3))) for k in range(4)]
    assert min(turns[1], turns[3]) < 0.3 * min(turns[0], turns[2])


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
