"""Points as a GeoPackage, which QGIS, GDAL and GeoPandas open: SQLite by OGC 12-128r18 and no more."""

import sqlite3
import struct
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from sceneshift.runtime.files import atomic_file

WGS84 = 4326
TABLES = """\
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT,
  srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL, PRIMARY KEY (table_name, column_name));
INSERT INTO gpkg_spatial_ref_sys VALUES ('undefined cartesian', -1, 'NONE', -1, 'undefined', NULL),
  ('undefined geographic', 0, 'NONE', 0, 'undefined', NULL),
  ('WGS 84', 4326, 'EPSG', 4326, 'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
  || 'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]', NULL);
"""


def write_points(
    path: Path | str, columns: Sequence[str], rows: Iterable[tuple[float, float, Sequence[str | float | None]]]
) -> None:
    """Write one layer, `photos`. rows: longitude and latitude in degrees, and a value for each of `columns`."""
    with atomic_file(path) as temporary, closing(sqlite3.connect(temporary)) as file, file:
        file.executescript(f"PRAGMA application_id = 0x47504B47; PRAGMA user_version = 10300; {TABLES}")
        named = ", ".join(f'"{column}"' for column in columns)
        file.execute(f"CREATE TABLE photos (fid INTEGER PRIMARY KEY AUTOINCREMENT, geom BLOB, {named})")
        filled = f"INSERT INTO photos (geom, {named}) VALUES (?{', ?' * len(columns)})"
        longitudes, latitudes = [], []
        for longitude, latitude, values in rows:
            longitudes.append(longitude)
            latitudes.append(latitude)
            file.execute(filled, (_point(longitude, latitude), *values))
        box = (min(longitudes), min(latitudes), max(longitudes), max(latitudes)) if longitudes else (None,) * 4
        file.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, min_x, min_y, max_x, max_y, srs_id)"
            " VALUES ('photos', 'features', 'photos', ?, ?, ?, ?, ?)",
            (*box, WGS84),
        )
        file.execute("INSERT INTO gpkg_geometry_columns VALUES ('photos', 'geom', 'POINT', ?, 0, 0)", (WGS84,))


def _point(x: float, y: float) -> bytes:
    """A header (version 1, little endian, no envelope) and well-known binary."""
    return b"GP\0\1" + struct.pack("<i", WGS84) + struct.pack("<bIdd", 1, 1, x, y)
