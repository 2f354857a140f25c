"""Which files are photos: what is taken, what is named as unreadable, what is left out."""

import os
from pathlib import Path

import pytest
from PIL import Image

from sceneshift.images.finding import check_folder, find_photos, why_unreadable
from sceneshift.runtime.errors import SceneshiftError


@pytest.fixture(scope="module")
def street() -> Image.Image:
    return Image.new("RGB", (40, 30), "gray")


def found(folder: Path, **options) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_photos(folder, **options)]


def test_find_photos_goes_by_content_and_by_name(tmp_path, street):
    (tmp_path / "b" / "deep").mkdir(parents=True)
    street.save(tmp_path / "b" / "deep" / "a.PNG")
    street.save(tmp_path / "z.png")
    (tmp_path / "z.png").rename(tmp_path / "no_extension")
    (tmp_path / "notes.txt").write_text("not a photo")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "scan.heic").write_bytes(b"????ftypheic")
    (tmp_path / "._ghost.jpg").write_bytes(b"macOS")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in find_photos(tmp_path)]
    assert found == ["empty.jpg", "no_extension", "scan.heic", "b/deep/a.PNG", "b/loop"]


def test_check_folder_names_the_folder_and_the_formats(tmp_path, street):
    with pytest.raises(SceneshiftError, match=r"nowhere does not exist.*JPEG, PNG, WebP, BMP or TIFF"):
        check_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("?")
    with pytest.raises(SceneshiftError, match=r"empty.*no photo.*JPEG, PNG, WebP, BMP or TIFF"):
        check_folder(tmp_path / "empty")
    with pytest.raises(SceneshiftError, match="is a file"):
        check_folder(tmp_path / "empty" / "notes.txt")
    street.save(tmp_path / "a.png")
    check_folder(tmp_path)


@pytest.mark.parametrize("folder", ["@eaDir", ".thumbnails", "__MACOSX", "#recycle", "@Recycle"])
def test_thumbnails_of_network_drives_are_no_photos(tmp_path, street, folder):
    (tmp_path / folder).mkdir()
    street.save(tmp_path / "a.jpg")
    street.save(tmp_path / folder / "a.jpg")
    assert found(tmp_path) == ["a.jpg"]


def test_what_cannot_be_opened_is_there_with_its_reason(tmp_path, street, monkeypatch):
    street.save(tmp_path / "a.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "gone folder").symlink_to("/nowhere")
    (tmp_path / "notes.txt").symlink_to("/nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    reasons = {path.name: why_unreadable(path) for path in find_photos(tmp_path)}
    assert reasons.pop("a.jpg") is None
    assert "a broken link: nowhere.jpg does not exist" in reasons.pop("gone.jpg")
    assert "a broken link" in reasons.pop("gone folder")
    assert reasons.pop("pipe.jpg") == "not a regular file"
    assert reasons.pop("locked") == "a folder that cannot be read: mend its permissions"
    assert not reasons


@pytest.mark.parametrize("target", ["/", "/proc", "/sys", "..", ".", "../.."])
def test_links_upward_and_into_the_system_are_named_and_not_followed(tmp_path, street, target):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    street.save(folder / "a.jpg")
    (folder / "sub" / "link").symlink_to(target if target.startswith("/") else folder / target)
    assert found(folder) == ["a.jpg", "sub/link"]
    assert "not followed" in (reason := why_unreadable(folder / "sub" / "link"))
    assert ("is the system's" in reason) == (target in ("/proc", "/sys"))


def test_linked_folders_are_read_once(tmp_path, street):
    (tmp_path / "in" / "z").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    street.save(tmp_path / "in" / "z" / "a.jpg")
    street.save(tmp_path / "elsewhere" / "b.jpg")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "a").symlink_to("z")
    (tmp_path / "in" / "b").symlink_to(tmp_path / "elsewhere")
    assert found(tmp_path / "in") == ["z/a.jpg", "a", "b/b.jpg", "b/back"]


def test_folders_can_be_left_out(tmp_path, street):
    for name in ("photos/a.jpg", "results/run/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        street.save(tmp_path / name)
    assert found(tmp_path, without=[tmp_path / "photos" / ".." / "results"]) == ["photos/a.jpg"]
