"""One file from the first of several mirrors that has it, resumed when cut, checked, moved into place whole.

With Python's own urllib, which respects http_proxy, https_proxy and no_proxy (pooch, the usual library, cannot resume).
"""

import http.client
import os
import sys
import time
from collections.abc import Sequence
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urldefrag
from urllib.request import Request, build_opener

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, sha256_of
from sceneshift.runtime.progress import Progress

TRIES = 4  # at one mirror, in a row and without a new byte
PAUSE = 1.0  # seconds before the second try; doubled with each
TIMEOUT = 30.0  # seconds without a sign of life
BLOCK = 1 << 18


class _UnusableError(Exception):
    """What a mirror offers is not the file, and asking again will not help."""


def download(urls: Sequence[str], out: Path) -> None:
    """Download `out` from the first of `urls` that has it; `#sha256=…` behind a URL is what the file must hash to.

    A download that was cut goes on where it broke off (HTTP Range), in a later call too: what has come waits in a
    hidden file beside `out`, with the server's ETag or Last-Modified, so that no two versions are pieced together.
    Raises SceneshiftError that names the file, what each mirror answered, where else to look and where to put it.
    """
    answers = []
    part = out.with_name(f".{out.name}.part")
    with atomic_file(out) as temporary:
        for url in urls:
            bare, fragment = urldefrag(url)
            try:
                _download_from(bare, part)
                digest = sha256_of(part)
                if fragment and fragment != f"sha256={digest}":
                    _discard(part)
                    raise _UnusableError(f"its sha256 is {digest}, expected {fragment.removeprefix('sha256=')}")
            except (_UnusableError, OSError, http.client.HTTPException) as error:
                answers.append(f"  {bare}: {_said(error)}")
                continue
            checked = "as expected" if fragment else "not compared: no #sha256=… behind the URL"
            print(f"{out.name}: {part.stat().st_size:,} bytes, sha256 {digest} ({checked})", file=sys.stderr)
            os.replace(part, temporary)
            _discard(part)
            return
        raise SceneshiftError(
            "\n".join([f"{out.name} could not be downloaded:", *answers])
            + f"\nLook for a copy by its name or at https://web.archive.org/web/{urldefrag(urls[0]).url} and put it at"
            f" {out} by hand, then run again. Or give its path, or another URL, in the config."
        )


def _download_from(url: str, part: Path) -> None:
    """All of `url` into `part`, going on from what is there. Raises what the last try raised."""
    failures = 0
    while True:
        before = _size(part)
        try:
            return _read_on(url, part)
        except (OSError, http.client.HTTPException) as error:  # urllib's errors are OSErrors
            failures = 1 if _size(part) > before else failures + 1
            refused = isinstance(error, HTTPError) and error.code < 500 and error.code not in (408, 429)
            if refused or failures == TRIES:
                raise
            print(f"{url}: {_said(error)}; trying again", file=sys.stderr)
            time.sleep(PAUSE * 2 ** (failures - 1))


def _read_on(url: str, part: Path) -> None:
    """One request: the rest of the file if it is still the version that `part` began with, else all of it."""
    have, version, request = _size(part), _version(part), Request(url)
    if have and version.is_file() and (known := version.read_text(encoding="utf-8")):
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", known)
    try:
        response = build_opener().open(request, timeout=TIMEOUT)
    except HTTPError as error:
        if error.code != 416:
            raise
        part.unlink()  # the server has nothing behind what is there
        return _read_on(url, part)
    with response:
        headers = response.headers
        if headers.get_content_type() == "text/html":
            raise _UnusableError("it answers with a web page")
        if not (headers["Content-Length"] or "").isdigit():
            raise _UnusableError("it does not say how long the file is")
        resumed = response.status == 206
        if resumed and not (headers["Content-Range"] or "").startswith(f"bytes {have}-"):
            raise _UnusableError("it answers with another part of the file than was asked for")
        start = have if resumed else 0
        total = start + int(headers["Content-Length"])
        with open(part, "ab" if resumed else "wb") as file, Progress(url, total, start, "bytes") as progress:
            version.write_text(_version_in(headers), encoding="utf-8")
            while block := response.read(BLOCK):
                file.write(block)
                progress.advance(len(block))
    if _size(part) != total:
        raise ConnectionError(f"cut after {_size(part):,} of {total:,} bytes")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _version(part: Path) -> Path:
    """Where the server's name for the version of the file lies."""
    return part.with_suffix(".version")


def _version_in(headers: Message) -> str:
    """What If-Range may hold: a strong ETag, else Last-Modified; empty if the server has neither."""
    etag = headers["ETag"] or ""
    return (headers["Last-Modified"] or "") if not etag or etag.startswith("W/") else etag


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _version(part).unlink(missing_ok=True)


def _said(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"{error.code} {error.reason}"
    return str(error.reason if isinstance(error, URLError) else error) or type(error).__name__
