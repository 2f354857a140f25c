"""One file from the first of several mirrors that has it, resumed when cut, checked, moved into place whole.

With Python's own urllib, which respects http_proxy, https_proxy and no_proxy (pooch, the usual library, cannot resume).
"""

import http.client
import os
import re
import sys
import time
import urllib.request
from collections.abc import Sequence
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urldefrag
from urllib.request import OpenerDirector, Request

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, sha256_of
from sceneshift.runtime.progress import Progress

TRIES = 4  # at one mirror, in a row and without a new byte
PAUSE = 1.0  # seconds before the second try; doubled with each
TIMEOUT = 30.0  # seconds without a sign of life
BLOCK = 1 << 18
LARGEST = 16 * 2**30  # bytes of a file
LONGEST = 6 * 3600  # seconds for one mirror, which may send a byte now and then for ever


class _UnusableError(Exception):
    """What a mirror offers is not the file, and asking again will not help."""


def download(urls: Sequence[str], out: Path) -> None:
    """Download `out` from the first of `urls` that has it. `#sha256=…` behind one is what the file must hash to.

    A download that was cut goes on where it broke off (HTTP Range), in a later call too: what has come waits in a
    hidden file beside `out`, with the server's ETag or Last-Modified, so that no two versions are pieced together.
    Raises SceneshiftError for URLs that are not http(s) or whose checksums differ; and, where no mirror has the file,
    one that names it, what each mirror answered, where else to look and where to put it.
    """
    expected, answers = _expected_sha256(urls, out), []
    part = out.with_name(f".{out.name}.part")
    with atomic_file(out) as temporary:
        for url in urls:
            bare = urldefrag(url).url
            try:
                _download_from(bare, part)
                digest = sha256_of(part)
                if expected and digest != expected:
                    _discard(part)
                    raise _UnusableError(f"its sha256 is {digest}, expected {expected}")
            except (_UnusableError, OSError, http.client.HTTPException) as error:
                answers.append(f"  {bare}: {_said(error)}")
                continue
            checked = "as expected" if expected else "not compared: no #sha256=… behind the URL"
            print(f"{out.name}: {part.stat().st_size:,} bytes, sha256 {digest} ({checked})", file=sys.stderr)
            os.replace(part, temporary)
            _discard(part)
            return
        raise SceneshiftError(
            "\n".join([f"{out.name} could not be downloaded:", *answers])
            + f"\nLook for a copy by its name or at https://web.archive.org/web/{urldefrag(urls[0]).url} and put it at"
            f" {out} by hand, then run again. Or give its path, or another URL, in the config."
        )


def _expected_sha256(urls: Sequence[str], out: Path) -> str:
    """What the file must hash to, whichever mirror it comes from; empty if no URL says so."""
    for url in urls:
        if not re.fullmatch(r"https?://[^#]+(#sha256=[0-9a-f]{64})?", url):
            raise SceneshiftError(
                f"{out.name}: {url!r} is not an address to download it from; expected http:// or https://, with or"
                " without #sha256=… and 64 digits of 0-9a-f behind it."
            )
    found = sorted({urldefrag(url).fragment.removeprefix("sha256=") for url in urls} - {""})
    if len(found) > 1:
        raise SceneshiftError(f"{out.name}: its mirrors have different checksums, {' and '.join(found)}. Which is it?")
    return found[0] if found else ""


def _opener() -> OpenerDirector:
    """urllib's own, without the handlers of file:, data: and ftp:, which a server could redirect to."""
    opener = OpenerDirector()
    for name in ("Proxy", "Unknown", "HTTP", "HTTPS", "HTTPDefaultError", "HTTPRedirect"):
        opener.add_handler(getattr(urllib.request, f"{name}Handler")())
    opener.add_handler(urllib.request.HTTPErrorProcessor())
    return opener


def _download_from(url: str, part: Path) -> None:
    """All of `url` into `part`, going on from what is there. Raises what the last try raised."""
    failures, deadline = 0, time.monotonic() + LONGEST
    while True:
        before = _size(part)
        try:
            return _read_on(url, part, deadline)
        except (OSError, http.client.HTTPException) as error:  # urllib's errors are OSErrors
            failures = 1 if _size(part) > before else failures + 1
            refused = isinstance(error, HTTPError) and error.code < 500 and error.code not in (408, 429)
            if refused or failures == TRIES:
                raise
            print(f"{url}: {_said(error)}; trying again", file=sys.stderr)
            time.sleep(PAUSE * 2 ** (failures - 1))


def _read_on(url: str, part: Path, deadline: float) -> None:
    """One request: the rest of the file if it is still the version that `part` began with, else all of it."""
    have, version, request = _size(part), _version(part), Request(url)
    if have and version.is_file() and (known := version.read_text(encoding="utf-8")):
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", known)
    try:
        response = _opener().open(request, timeout=TIMEOUT)
    except HTTPError as error:
        if error.code != 416:
            raise
        part.unlink()  # the server has nothing behind what is there
        return _read_on(url, part, deadline)
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
        if total > LARGEST:
            raise _UnusableError(f"it is {total:,} bytes long, more than the {LARGEST:,} that are downloaded")
        with open(part, "ab" if resumed else "wb") as file, Progress(url, total, start, "bytes") as progress:
            version.write_text(_version_in(headers), encoding="utf-8")
            while block := response.read1(BLOCK):
                file.write(block)
                progress.advance(len(block))
                if time.monotonic() > deadline:
                    raise _UnusableError(f"it takes more than {LONGEST / 3600:g} hours; what came is kept for later")
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
