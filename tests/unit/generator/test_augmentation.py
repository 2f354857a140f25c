"""The augmentation pipe: exact where nothing happens, right where one thing happens, differentiable twice."""

import functools
from typing import get_args

import pytest
import torch

from sceneshift.generator import augmentation
from sceneshift.generator.augmentation import augment
from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import GeneratorSettings
from sceneshift.training.microbatches import WHOLE, Part


@pytest.fixture(params=[8, 14], ids=["square", "wide"])
def images(request):
    torch.manual_seed(0)
    coarse = torch.randn(6, 3, 8, request.param)
    return torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic").clamp(-1, 1)


def test_zero_probability_changes_nothing(images):
    assert augment(images, 0.0, torch_generator(0)) is images


def warp(images, inverse):
    return augmentation._warp(images, inverse, augmentation._margins(inverse, *images.shape[2:]))


def test_wider_margins_than_are_reached_change_nothing(images):
    inverse = augmentation._geometry((6, *images.shape[2:]), 0.5, 0.5, torch_generator(0), WHOLE)
    widest = tuple(side - 1 for side in images.shape[:1:-1])
    torch.testing.assert_close(augmentation._warp(images, inverse, widest), warp(images, inverse), atol=1e-4, rtol=0)


def test_the_warp_without_a_transformation_is_exact(images):
    same = warp(images, torch.eye(3).repeat(6, 1, 1))
    torch.testing.assert_close(same, images, atol=1e-4, rtol=0)


# The symlet's center of mass leaves this much of the half fine pixel by which the transformations are displaced.
TAPS = torch.tensor(augmentation.SYM6)
CENTER = 0.25 - (5.5 - float(TAPS @ torch.arange(12.0) / TAPS.sum())) / 2
ONE = torch.ones(1)
TRANSFORMATIONS = {
    "flip": augmentation._scale(-ONE, ONE),
    "quarter turn": augmentation._rotation(ONE * torch.pi / 2),
    "half turn": augmentation._rotation(ONE * torch.pi),
    "whole shift": augmentation._translation(torch.tensor([[3.0, -2.0]])),
    "shift": augmentation._translation(torch.tensor([[1.3, -2.6]])),
    "enlarged": augmentation._scale(ONE * 0.8, ONE * 0.8),
    "shrunk": augmentation._scale(ONE * 1.2, ONE * 1.2),
    "turn": augmentation._rotation(ONE * 0.4),
    "stretched": augmentation._scale(ONE * 0.8, ONE / 0.8),
}
TRANSFORMATIONS["all"] = functools.reduce(torch.matmul, [TRANSFORMATIONS[n] for n in ("turn", "stretched", "shift")])


def smooth(x, y):
    """A picture [3, H, W] with waves of 80 pixels and more; x, y: places in pixels from its center."""
    waves = (x / 80 + y / 130, 0.2 + x / 110 - y / 90, 0.4 - y / 100)
    return torch.stack([torch.sin(2 * torch.pi * wave) for wave in waves])


@pytest.mark.parametrize("width", [64, 112])
@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_the_warp_shows_what_lies_at_the_inverse_places(name, width):
    y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(width) - (width - 1) / 2, indexing="ij")
    picture = smooth(x, y)
    warped = warp(picture[None], TRANSFORMATIONS[name])[0]
    places = torch.stack([x + CENTER, y + CENTER, torch.ones_like(x)], dim=-1) @ TRANSFORMATIONS[name][0].T - CENTER
    inside = (places[..., 0].abs() < width / 2 - 4) & (places[..., 1].abs() < 28)  # beyond, borders are mirrored
    assert inside.float().mean() > 0.45
    error = (warped - smooth(places[..., 0], places[..., 1]))[:, inside].abs().max()
    assert error < 1e-3 * picture.std()


def test_flips_and_turns_are_those_of_pixels_but_for_a_tenth_of_a_pixel():
    """In pictures as smooth as photos of 64 px, which leaves .036 of their deviation (.22 without the half pixel)."""
    frequencies = torch.fft.fftfreq(64)[:, None].hypot(torch.fft.rfftfreq(64)).clamp(1 / 64)
    noise = torch.randn(8, 3, 64, 64, generator=torch_generator("photos"))
    photos = torch.fft.irfft2(torch.fft.rfft2(noise) / frequencies**1.5)
    exact = {"flip": photos.flip(3), "quarter turn": photos.rot90(1, (2, 3)), "half turn": photos.rot90(2, (2, 3))}
    for name, wanted in exact.items():
        warped = warp(photos, TRANSFORMATIONS[name].expand(8, -1, -1))
        assert (warped - wanted).std() < 0.04 * photos.std(), name


def test_only_squares_turn_by_quarters(monkeypatch):
    angles = []
    original = augmentation._rotation
    monkeypatch.setattr(augmentation, "_rotation", lambda angle: angles.append(angle) or original(angle))
    for width, steps in ((32, {0, 1, 2, 3}), (64, {0, 2})):
        angles.clear()
        augmentation._geometry((200, 32, width), 1.0, 1.0, torch_generator(0), WHOLE)
        assert set((angles[0] / (torch.pi / 2)).round().int().tolist()) == steps


def test_translations_are_shares_of_each_side(monkeypatch):
    shifts = []
    original = augmentation._translation
    monkeypatch.setattr(augmentation, "_translation", lambda shift: shifts.append(shift) or original(shift))
    augmentation._geometry((500, 32, 96), 1.0, 1.0, torch_generator(0), WHOLE)
    whole, fine = shifts
    assert whole.abs().amax(dim=0).tolist() == [12, 4]
    assert (fine.std(dim=0) / torch.tensor([96, 32])).tolist() == pytest.approx([0.125, 0.125], rel=0.15)


def test_color_matrices_do_what_they_are_named_for(images):
    n = len(images)
    color = augmentation._color(len(images), 1.0, torch_generator(0), WHOLE)
    assert color.shape == (n, 4, 4)
    grey = images.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    # every transformation keeps the grey axis: grey pixels stay grey
    out = augmentation._apply_color(grey, color)
    torch.testing.assert_close(out, out.mean(dim=1, keepdim=True).expand_as(out), atol=1e-4, rtol=1e-4)


def test_pipes_are_the_groups_of_their_names(images):
    assert augmentation.PIPES.keys() == set(get_args(GeneratorSettings.model_fields["augment_pipe"].annotation))
    assert augmentation.PIPES["bgcfnc"] == augmentation.GROUPS
    shape = (len(images), *images.shape[2:])
    of = {"blit": {"inverse"}, "geom": {"inverse"}, "color": {"color"}, "filter": {"gains"}, "noise": {"noise"},
          "cutout": {"cutout"}}  # fmt: skip
    for pipe, groups in augmentation.PIPES.items():
        drawn = augmentation.draw_transformations(shape, 1.0, torch_generator(0), WHOLE, images.device, pipe)
        assert drawn.tensors.keys() == set().union(*(of[group] for group in groups))
        assert not torch.equal(augment(images, 1.0, torch_generator(0), pipe), images)
    blit, geom = (
        augmentation.draw_transformations((500, 32, 32), 1.0, torch_generator(0), WHOLE, images.device, pipe).inverse
        for pipe in ("blit", "geom")
    )
    torch.testing.assert_close(blit, blit.round(), atol=1e-4, rtol=0)  # whole pixels and quarter turns
    assert not torch.allclose(geom, geom.round(), atol=0.1)


def test_parts_of_a_batch_draw_what_the_whole_does():
    def drawn(n, part):
        shape, device = (n, 32, 32), torch.device("cpu")
        return augmentation.draw_transformations(shape, 0.7, torch_generator(0), part, device, "bgcfnc").tensors

    whole = drawn(8, WHOLE)
    for index in range(2):
        of_part = drawn(4, Part(index, 2))
        assert all(torch.equal(tensor, whole[name][index::2]) for name, tensor in of_part.items())


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


@pytest.mark.parametrize("pipe", ["bgc", "bgcfnc"])
def test_r1_reaches_through_the_pipe(images, pipe):
    x = images.clone().requires_grad_()
    y = augment(x, 1.0, torch_generator(2), pipe)
    (gradient,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    gradient.square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0
