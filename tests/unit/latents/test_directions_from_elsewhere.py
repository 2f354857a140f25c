"""HiGAN's boundaries read and written, SeFa's directions found, files that are something else refused."""

import numpy as np
import pytest
import torch

from sceneshift.generator.checkpoints import load_generator, save_generator
from sceneshift.generator.networks import Generator
from sceneshift.latents.boundaries import load_boundary
from sceneshift.latents.higan_boundaries import indices_of, layer_resolutions, resolutions_of
from sceneshift.latents.sefa import sefa_directions
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.export_boundary import export_boundary
from sceneshift.stages.factorize_generator import factorize_generator
from sceneshift.stages.import_boundary import import_boundary

WIDTH = 16
WS = {64: [4, 8, 8, 16, 16, 32, 32, 64, 64, 64]}
WS[256] = [*WS[64][:-1], 128, 128, 256, 256, 256]


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("generator") / "g.safetensors"
    sizes = {"resolution": 64, "channel_base": 512, "channel_max": 16, "mapping_layers": 1}
    save_generator(path, Generator(z_dim=WIDTH, w_dim=WIDTH, **sizes))
    return path


@pytest.fixture
def direction():
    values = np.random.default_rng(0).normal(size=(1, WIDTH))
    return values / np.linalg.norm(values)


def with_layers(direction, layers):
    """HiGAN's dict, as np.save pickles it."""
    held = {"boundary": direction, "meta_data": {"type": "attribute", "manipulate_layers": layers}}
    return np.array(held, dtype=object)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_plain_array_is_a_boundary_of_all_layers(generator, direction, tmp_path, dtype):
    np.save(tmp_path / "b.npy", 3 * direction.astype(dtype))
    import_boundary(tmp_path / "b.npy", tmp_path / "b.npz", generator=generator, name="clouds")
    boundary = load_boundary(tmp_path / "b.npz")
    np.testing.assert_allclose(boundary.normal, direction[0], atol=1e-6)
    assert (boundary.attribute, boundary.resolutions, boundary.selection) == ("clouds", (), "imported")


@pytest.mark.parametrize(
    ("layers", "numbering", "resolutions"),
    [("2-5", "stylegan", (8, 16)), ("1-4", "stylegan2", (8, 16)), ([0, 1], "stylegan", (4,)), (None, "stylegan", ())],
)
def test_layer_indices_become_resolutions(generator, direction, tmp_path, layers, numbering, resolutions):
    np.save(tmp_path / "b.npy", with_layers(direction, layers), allow_pickle=True)
    import_boundary(tmp_path / "b.npy", tmp_path / "b.npz", generator=generator, name="clouds", layers_of=numbering)
    assert load_boundary(tmp_path / "b.npz").resolutions == resolutions


def test_higans_layers_6_to_11_are_32_to_128_px():
    for numbering in ("stylegan", "stylegan2"):
        layers = layer_resolutions(WS[256], numbering)
        assert len(layers) == 14
        assert resolutions_of(range(6, 12), layers, "b.npy") == [32, 64, 128]
        for resolutions in ([4], [4, 8], [32, 64, 128], [256]):
            assert resolutions_of(indices_of(resolutions, numbering), layers, "b.npy") == resolutions
    with pytest.raises(
        SceneshiftError, match=r"b\.npy: found layer 14, but a network of 256 px has 14, counted from 0"
    ):
        resolutions_of([13, 14], layers, "b.npy")
    with pytest.raises(SceneshiftError, match=r"b\.npy: these are less than half of the layers at 256 px"):
        resolutions_of([13], layers, "b.npy")


@pytest.mark.parametrize("layers", [None, "2-5"])
def test_what_is_written_is_read_back_and_by_old_numpy(generator, direction, tmp_path, layers):
    np.save(tmp_path / "b.npy", with_layers(direction, layers), allow_pickle=True)
    import_boundary(tmp_path / "b.npy", tmp_path / "b.npz", generator=generator, name="clouds", layers_of="stylegan")
    export_boundary(tmp_path / "b.npz", tmp_path / "back.npy", layers_of="stylegan")
    held = np.load(tmp_path / "back.npy", allow_pickle=True)  # as HiGAN does
    if layers:
        assert held.item()["meta_data"] == {"type": "attribute", "manipulate_layers": "2,3,4,5"}
        assert b"numpy._core" not in (tmp_path / "back.npy").read_bytes(), "a name that NumPy 1 does not know"
        held = held.item()["boundary"]
    assert held.shape == (1, WIDTH)
    import_boundary(
        tmp_path / "back.npy", tmp_path / "again.npz", generator=generator, name="clouds", layers_of="stylegan"
    )
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("key", ["space", "latent_space_type", None])
@pytest.mark.parametrize(("said", "space", "rows"), [("Z", "z", ()), ("W", "w", ()), ("WP", "w+", (10,))])
def test_a_boundary_keeps_its_space_there_and_back(generator, direction, tmp_path, key, said, space, rows):
    array = np.broadcast_to(direction, (1, *rows, WIDTH)) if rows else direction
    held = {"boundary": array, "meta_data": {key: said, "manipulate_layers": "0-2"} if key else {}}
    np.save(tmp_path / "b.npy", held, allow_pickle=True)
    import_boundary(tmp_path / "b.npy", tmp_path / "b.npz", generator=generator, space=None if key else space)
    assert load_boundary(tmp_path / "b.npz").space == space
    np.testing.assert_allclose(load_boundary(tmp_path / "b.npz").normal, array[0], atol=1e-6)
    export_boundary(tmp_path / "b.npz", tmp_path / "b.npy")
    import_boundary(tmp_path / "b.npy", tmp_path / "again.npz", generator=generator, space=None if key else space)
    assert load_boundary(tmp_path / "again.npz").space == space


@pytest.mark.parametrize(("space", "shape"), [("w+", (1, WIDTH)), ("w", (10, WIDTH)), ("s", (1, WIDTH))])
def test_a_space_that_the_array_cannot_be_of_is_refused(generator, tmp_path, space, shape):
    np.save(tmp_path / "b.npy", {"boundary": np.ones(shape), "meta_data": {"space": space}}, allow_pickle=True)
    with pytest.raises(SceneshiftError, match=r"b\.npy is of .*, with an array of \(.*\); expected"):
        import_boundary(tmp_path / "b.npy", tmp_path / "b.npz", generator=generator)
    assert not (tmp_path / "b.npz").exists()


def test_a_file_that_does_not_say_its_space_is_taken_as_w_with_a_word(generator, direction, tmp_path, capsys):
    np.save(tmp_path / "b.npy", direction)
    import_boundary(tmp_path / "b.npy", tmp_path / "b.npz", generator=generator)
    assert "does not say its latent space: taken as W" in capsys.readouterr().err
    import_boundary(tmp_path / "b.npy", tmp_path / "b.npz", generator=generator, space="w")
    assert capsys.readouterr().err == ""
    assert load_boundary(tmp_path / "b.npz").space == "w"


def test_boundaries_of_before_there_were_spaces_are_of_w(generator, direction, tmp_path):
    np.save(tmp_path / "b.npy", direction)
    import_boundary(tmp_path / "b.npy", tmp_path / "b.npz", generator=generator)
    fields = dict(np.load(tmp_path / "b.npz"))
    del fields["space"]
    np.savez(tmp_path / "old.npz", **fields)
    assert load_boundary(tmp_path / "old.npz").space == "w"
    np.savez(tmp_path / "x.npz", **fields, space="x")
    with pytest.raises(SceneshiftError, match=r"x\.npz is of the space 'x'; expected z, w or w\+"):
        load_boundary(tmp_path / "x.npz")


NAN = np.full((1, WIDTH), np.nan)
BROKEN = {
    "width": (np.ones((1, 9)), r"codes of 9 dimensions, but .*g\.safetensors has 16"),
    "layerwise": (np.ones((14, WIDTH)), r"is for 14 layers' codes of 16 dimensions, but .* has 10 of 16"),
    "cube": (np.ones((2, 14, WIDTH)), r"is \(2, 14, 16\); expected an array \(1, w_dim\) of floats, or \(num_ws"),
    "no floats": (np.ones((1, WIDTH), int), "expected an array .* of floats"),
    "nan": (NAN, "length nan; expected finite"),
    "zero": (np.zeros((1, WIDTH)), "length 0; expected finite values, not all zero"),
    "layers": (with_layers(np.ones((1, WIDTH)), "all of them"), "manipulate_layers is 'all of them'; expected indices"),
    "too many layers": (with_layers(np.ones((1, WIDTH)), "8-20"), "found layer 10, but a network of 64 px has 10"),
    "other dict": (np.array({"normal": 1}, dtype=object), "found the entries normal; expected boundary"),
    "no array": (with_layers("text", "1"), "its boundary is str; expected an array"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_is_named(generator, tmp_path, name):
    held, says = BROKEN[name]
    np.save(tmp_path / "b.npy", held, allow_pickle=True)
    with pytest.raises(SceneshiftError, match=says) as error:
        import_boundary(
            tmp_path / "b.npy", tmp_path / "b.npz", generator=generator, name="clouds", layers_of="stylegan"
        )
    assert "b.npy" in str(error.value)
    assert not (tmp_path / "b.npz").exists()


def test_sefa_finds_the_directions_that_the_styles_follow():
    """One layer of two styles, its rows of equal length after normalizing: the formula by hand."""
    a = np.array([[3.0, 4.0, 0.0], [10.0, 0.0, 0.0]])
    directions, shares = sefa_directions([a[:1], a[1:]], 3)
    rows = np.array([[0.6, 0.8, 0.0], [1.0, 0.0, 0.0]])
    for direction, share in zip(directions, shares, strict=True):
        np.testing.assert_allclose(rows.T @ rows @ direction, 2 * share * direction, atol=1e-6)
    np.testing.assert_allclose(shares, [0.8, 0.2, 0], atol=1e-6)
    assert all(direction[np.abs(direction).argmax()] > 0 for direction in directions)
    with pytest.raises(SceneshiftError, match="found 4 components, but codes have 3 dimensions"):
        sefa_directions([a], 4)


def test_sefa_moves_styles_most_on_the_layers_of_its_level(generator, tmp_path):
    outs = [tmp_path / f"sefa_layout_{k}.npz" for k in (1, 2)]
    factorize_generator(generator, outs, level="layout")
    first, second = (load_boundary(out) for out in outs)
    assert (first.attribute, first.resolutions) == ("sefa_layout_1", (4,))
    assert abs(float(first.normal @ second.normal)) < 1e-5
    weight = load_generator(generator).synthesis.b4.conv1.affine.weight.numpy()
    rows = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    moved = [np.linalg.norm(rows @ direction) for direction in (first.normal, second.normal)]
    others = np.random.default_rng(0).normal(size=(200, WIDTH))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert moved[0] > moved[1]
    assert moved[0] > np.linalg.norm(rows @ others.T, axis=0).max()
    factorize_generator(generator, [tmp_path / "s.npz"])
    assert load_boundary(tmp_path / "s.npz").resolutions == ()
    with pytest.raises(SceneshiftError, match="found 17 components, but codes have 16"):
        factorize_generator(generator, [tmp_path / f"{k}.npz" for k in range(17)])


def test_every_layer_that_takes_a_code_is_factorized(generator):
    network = load_generator(generator)
    assert len(network.synthesis.modulations) == network.num_ws == len(WS[64])
