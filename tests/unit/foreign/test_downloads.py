"""Downloads against a server on 127.0.0.1 that cuts, refuses, lies and changes its mind."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from sceneshift.cli import main
from sceneshift.foreign import downloads
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.fetch import fetch

CONTENT = bytes(range(256)) * 4000  # about 1 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT; `cuts` are the places where it hangs up, one a request; `requests` is what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.version, self.cuts, self.requests, self.sent = CONTENT, '"one"', [], [], 0

    def url(self, name="file.bin"):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers["Range"]
        server.requests.append((self.path, wanted))
        name = urlsplit(self.path).path.rsplit("/", 1)[-1]
        if name == "moved.bin":
            self.send_response(302)
            self.send_header("Location", server.redirect)
            self.end_headers()
            return
        if name != "file.bin":
            self.send_error({"busy.bin": 503}.get(name, 404))
            return
        resumes = wanted and self.headers["If-Range"] in (None, server.version)
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if resumes else 0
        if start >= len(server.content):
            self.send_error(416)
            return
        self.send_response(206 if resumes else 200)
        if resumes:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        if server.version:
            self.send_header("ETag", server.version)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.send_header("Content-Type", "text/html" if b"<html" in server.content else "application/octet-stream")
        self.end_headers()
        end = server.cuts.pop(0) if server.cuts else len(server.content)
        server.sent += len(server.content[start:end])
        self.wfile.write(server.content[start:end])
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(downloads, "PAUSE", 0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def ranges(server):
    return [wanted for _, wanted in server.requests]


def test_a_file_comes_whole_and_checked(server, tmp_path, capsys):
    fetch(tmp_path / "new" / "n.bin", [f"{server.url()}#sha256={SHA256}"])
    assert (tmp_path / "new" / "n.bin").read_bytes() == CONTENT
    assert f"n.bin: 1,024,000 bytes, sha256 {SHA256} (as expected)" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["n.bin"]
    fetch(tmp_path / "n.bin", [server.url()])
    assert f"sha256 {SHA256} (not compared" in capsys.readouterr().err


def test_a_cut_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.cuts = [100_000, 100_000, 600_000]
    fetch(tmp_path / "n.bin", [f"{server.url()}#sha256={SHA256}"])
    assert (tmp_path / "n.bin").read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=100000-", "bytes=100000-", "bytes=600000-"]
    assert server.sent == len(CONTENT)  # nothing twice


def test_a_later_call_goes_on_too(server, tmp_path):
    server.cuts = [300_000] * 4
    with pytest.raises(SceneshiftError, match=r"cut after 300,000 of 1,024,000 bytes"):
        fetch(tmp_path / "n.bin", [server.url()])
    assert not (tmp_path / "n.bin").exists()
    server.requests.clear()
    fetch(tmp_path / "n.bin", [server.url()])
    assert ranges(server) == ["bytes=300000-"]
    assert (tmp_path / "n.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("version", ['"two"', ""])
def test_two_versions_are_not_pieced_together(server, tmp_path, version):
    """Neither of a file that changed, nor where the server does not say whether it did."""
    server.version = version and server.version
    server.cuts = [300_000] * 4
    with pytest.raises(SceneshiftError):
        fetch(tmp_path / "n.bin", [server.url()])
    server.version, server.content = version, CONTENT[::-1]
    fetch(tmp_path / "n.bin", [server.url()])
    assert (tmp_path / "n.bin").read_bytes() == CONTENT[::-1]


def test_a_whole_part_that_was_not_moved_yet_is_no_obstacle(server, tmp_path):
    (tmp_path / ".n.bin.part").write_bytes(CONTENT)
    (tmp_path / ".n.bin.version").write_text(server.version)
    fetch(tmp_path / "n.bin", [server.url()])
    assert (tmp_path / "n.bin").read_bytes() == CONTENT


def test_the_next_mirror_is_asked_where_one_has_not_the_file(server, tmp_path):
    fetch(tmp_path / "n.bin", [server.url("gone.bin"), server.url("busy.bin"), server.url()])
    assert [path for path, _ in server.requests] == ["/gone.bin", *["/busy.bin"] * 4, "/file.bin"]
    assert (tmp_path / "n.bin").read_bytes() == CONTENT


def test_a_wrong_checksum_is_no_file(server, tmp_path):
    wrong = f"{server.url()}#sha256={'0' * 64}"
    with pytest.raises(SceneshiftError, match=f"its sha256 is {SHA256}, expected 0000"):
        fetch(tmp_path / "n.bin", [wrong])
    assert list(tmp_path.iterdir()) == []


def test_a_checksum_is_the_files_whichever_mirror_it_comes_from(server, tmp_path):
    elsewhere = f"{server.url('gone.bin')}#sha256={'0' * 64}"
    with pytest.raises(SceneshiftError, match=f"its sha256 is {SHA256}, expected 0000"):
        fetch(tmp_path / "n.bin", [elsewhere, server.url()])
    fetch(tmp_path / "n.bin", [server.url(), f"{server.url('gone.bin')}#sha256={SHA256}"])
    assert (tmp_path / "n.bin").read_bytes() == CONTENT
    with pytest.raises(SceneshiftError, match=r"n\.bin: its mirrors have different checksums, 0000.* and "):
        fetch(tmp_path / "n.bin", [elsewhere, f"{server.url()}#sha256={SHA256}"])


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "data:,x", "ftp://a/b", "/etc/passwd", "http://a/b#sha256=1", ""]
)
def test_only_the_web_is_downloaded_from(tmp_path, url):
    with pytest.raises(SceneshiftError, match=r"n\.bin: .* is not an address to download it from"):
        fetch(tmp_path / "n.bin", [url])


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_a_server_does_not_lead_elsewhere(server, tmp_path, target):
    server.redirect = target
    with pytest.raises(SceneshiftError, match=r"could not be downloaded"):
        fetch(tmp_path / "n.bin", [server.url("moved.bin")])
    assert list(tmp_path.glob("*.bin")) == []


def test_a_redirection_on_the_web_is_followed(server, tmp_path):
    server.redirect = server.url()
    fetch(tmp_path / "n.bin", [server.url("moved.bin")])
    assert (tmp_path / "n.bin").read_bytes() == CONTENT


def test_size_and_time_have_an_end(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "LARGEST", len(CONTENT) - 1)
    with pytest.raises(SceneshiftError, match="it is 1,024,000 bytes long, more than the 1,023,999"):
        fetch(tmp_path / "n.bin", [server.url()])
    monkeypatch.setattr(downloads, "LARGEST", len(CONTENT))
    monkeypatch.setattr(downloads, "LONGEST", -1)
    with pytest.raises(SceneshiftError, match="it takes more than"):
        fetch(tmp_path / "n.bin", [server.url()])
    monkeypatch.setattr(downloads, "LONGEST", 60)
    fetch(tmp_path / "n.bin", [server.url()])
    assert (tmp_path / "n.bin").read_bytes() == CONTENT


def test_a_web_page_in_place_of_the_file_is_no_file(server, tmp_path):
    server.content = b"<html>This domain is for sale</html>"
    with pytest.raises(SceneshiftError, match="it answers with a web page"):
        fetch(tmp_path / "n.bin", [server.url()])


def test_a_dead_link_says_where_to_look_and_where_to_put_it(server, tmp_path, capsys):
    dead = "http://127.0.0.1:9/models/network.pth.tar"
    assert main(["fetch", str(tmp_path / "n.bin"), server.url("gone.bin"), f"{dead}#sha256={SHA256}"]) == 1
    said = capsys.readouterr().err
    assert "n.bin could not be downloaded" in said
    assert f"{server.url('gone.bin')}: 404 Not Found" in said
    assert f"{dead}: " in said
    assert "refused" in said
    assert f"https://web.archive.org/web/{server.url('gone.bin')}" in said
    assert f"put it at {tmp_path / 'n.bin'} by hand" in said


def test_the_proxy_of_the_environment_is_used(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "")
    fetch(tmp_path / "n.bin", ["http://nowhere.invalid/file.bin"])
    assert server.requests == [("http://nowhere.invalid/file.bin", None)]
