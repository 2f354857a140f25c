"""Pairs are read in an order that depends on (seed, pairs seen) alone; unusable folders are refused by name."""

import json

import numpy as np
import pytest
from PIL import Image

from sceneshift.pairs import dataset as pairs_dataset
from sceneshift.pairs.dataset import PairsDataset
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import EditSettings
from sceneshift.stages.import_pairs import import_pairs


@pytest.fixture
def folder(tmp_path):
    """Ten pairs whose red says which pair, green which side; blue rises from left to right."""
    for side, green in (("train_A", 0), ("train_B", 200)):
        (tmp_path / side).mkdir()
        for i in range(10):
            picture = np.empty((8, 16, 3), np.uint8)
            picture[...] = (i, green, 0)
            picture[..., 2] = np.arange(16)
            Image.fromarray(picture).save(tmp_path / side / f"{i:06d}.png")
    return tmp_path


def test_batches_do_not_depend_on_their_size(folder):
    pairs = PairsDataset(folder)
    whole = pairs.batch(seed=1, seen=0, count=25)
    parts = [pairs.batch(1, 0, 7), pairs.batch(1, 7, 11), pairs.batch(1, 18, 7)]
    for k in (0, 1):
        assert np.array_equal(whole[k], np.concatenate([part[k] for part in parts]))


def test_each_epoch_shows_every_pair_once_in_another_order(folder):
    shown = PairsDataset(folder).batch(1, 0, 20).photos[:, 0, 0, 0]
    first, second = shown[:10].tolist(), shown[10:].tolist()
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_both_pictures_of_a_pair_are_mirrored_together_half_the_time(folder):
    batch = PairsDataset(folder).batch(1, 0, 400)
    assert np.array_equal(batch.photos[..., [0, 2]], batch.targets[..., [0, 2]])
    mirrored = (batch.photos[:, 0, 0, 2] == 15).mean()
    assert 0.4 < mirrored < 0.6
    assert (PairsDataset(folder).batch(1, 0, 400, mirror=False).photos[:, 0, 0, 2] != 15).all()


def test_reading_from_disk_gives_what_memory_gives(folder, monkeypatch):
    in_memory = PairsDataset(folder).batch(1, 3, 9)
    monkeypatch.setattr(pairs_dataset, "IN_MEMORY_BYTES", 0)
    from_disk = PairsDataset(folder).batch(1, 3, 9)
    assert all(np.array_equal(a, b) for a, b in zip(in_memory, from_disk, strict=True))


def test_digest_follows_pixels_and_table(folder):
    first = PairsDataset(folder).sha256
    assert PairsDataset(folder).sha256 == first
    (folder / "pairs.csv").write_text("index\n1\n")
    second = PairsDataset(folder).sha256
    Image.new("RGB", (16, 8)).save(folder / "train_A" / "000003.png")
    assert len({first, second, PairsDataset(folder).sha256}) == 3


def test_missing_partner_is_named(folder):
    (folder / "train_B" / "000004.png").unlink()
    with pytest.raises(SceneshiftError, match=r"train_A/000004\.png has no partner"):
        PairsDataset(folder)


def test_other_size_is_named(folder):
    Image.new("RGB", (8, 8)).save(folder / "train_B" / "000005.png")
    with pytest.raises(SceneshiftError, match=r"train_B/000005\.png is 8×8 pixels.*16×8"):
        PairsDataset(folder)


@pytest.mark.parametrize("keep", [0, 60])
def test_corrupt_picture_is_named(folder, keep):
    path = folder / "train_A" / "000006.png"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SceneshiftError, match=r"train_A/000006\.png is not a whole picture"):
        PairsDataset(folder)


def test_empty_and_missing_folders_are_named(tmp_path):
    with pytest.raises(SceneshiftError, match="no folder train_A"):
        PairsDataset(tmp_path)
    (tmp_path / "train_A").mkdir()
    (tmp_path / "train_B").mkdir()
    with pytest.raises(SceneshiftError, match="holds no JPEG, PNG"):
        PairsDataset(tmp_path)


def test_pairs_made_elsewhere_may_have_any_format(folder):
    for path in (folder / "train_A").iterdir():
        Image.open(path).save(path.with_suffix(".jpg"), quality=95)
        path.unlink()
    pairs = PairsDataset(folder)
    assert (len(pairs), pairs.names[3]) == (10, "000003.jpg")
    batch = pairs.at([3])
    assert abs(int(batch.photos[0, 0, 0, 0]) - 3) <= 2
    assert batch.targets[0, 0, 0].tolist() == [3, 200, 0]


def test_a_truncated_jpeg_and_two_files_of_one_name_are_named(folder):
    path = folder / "train_B" / "000002.png"
    Image.effect_noise((16, 8), 90).save(path.with_suffix(".jpg"))
    with pytest.raises(SceneshiftError, match=r"000002\.png has the same name as 000002\.jpg"):
        PairsDataset(folder)
    path.unlink()
    jpeg = path.with_suffix(".jpg")
    jpeg.write_bytes(jpeg.read_bytes()[:-60])
    with pytest.raises(SceneshiftError, match=r"train_B/000002\.jpg is not a whole picture \(truncated"):
        PairsDataset(folder)


def test_imported_pairs_are_as_they_were_beside_what_the_workflow_needs(folder, tmp_path):
    edit = EditSettings(attribute="snow", direction="less", measured_by="vegetation")
    import_pairs(folder, tmp_path / "taken", edit=edit)
    for side in ("train_A", "train_B"):
        for path in (folder / side).iterdir():
            assert (tmp_path / "taken" / side / path.name).read_bytes() == path.read_bytes()
    facts = json.loads((tmp_path / "taken" / "edit.json").read_text())
    assert (facts["measured_by"], facts["direction"], facts["kept"], facts["curve"]) == ("vegetation", "less", 10, [])
    assert len((tmp_path / "taken" / "pairs.csv").read_text().splitlines()) == 11
    assert PairsDataset(tmp_path / "taken").names == PairsDataset(folder).names
    (folder / "train_B" / "000004.png").unlink()
    with pytest.raises(SceneshiftError, match=r"000004\.png has no partner"):
        import_pairs(folder, tmp_path / "no", edit=edit)
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("name", ["000003.png", "000003.jpg"])
def test_pairs_are_read_upright(folder, name):
    exif = Image.Exif()
    exif[0x0112] = 6
    for side in ("train_A", "train_B"):
        (folder / side / "000003.png").unlink()
        Image.new("RGB", (8, 16), (3, 0, 0)).save(folder / side / name, exif=exif)  # stored standing, 16 × 8 upright
    assert PairsDataset(folder).at([3]).photos.shape == (1, 8, 16, 3)
    Image.new("RGB", (16, 8)).save(folder / "train_A" / name, exif=exif)
    with pytest.raises(SceneshiftError, match=rf"train_A/{name} is 8×16 pixels"):
        PairsDataset(folder)


def test_pairs_may_have_names_of_any_bytes(folder):
    name = b"latin-\xe9.png".decode("utf-8", "surrogateescape")
    for side in ("train_A", "train_B"):
        (folder / side / "000003.png").rename(folder / side / name)
    assert name in PairsDataset(folder).names
