"""Issue 14, section 5: servers that answer with another version, send elsewhere, drip, or never end."""

import contextlib
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from kws.data import fetch as fetching
from kws.data.fetch import fetch
from kws.errors import DownloadError

OLD, NEW = b"old" * 50_000, b"NEW" * 50_000


class Server(ThreadingHTTPServer):
    """Answers each request with the next of `answers`, the last one again and again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Callable[[BaseHTTPRequestHandler], None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/words.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        answers = self.server.answers
        with contextlib.suppress(ConnectionError):
            (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def answer(body: bytes, *, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def give(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return give


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(server: Server, target: Path, **settings: object) -> bytes:
    fetch(server.url, target, sha256=None, wait=lambda seconds: None, **settings)  # type: ignore[arg-type]
    return target.read_bytes()


@pytest.mark.parametrize("changed", [{"ETag": '"two"'}, {"ETag": '"one"', "total": "150001"}])
def test_a_resume_that_is_answered_with_another_version_is_begun_anew(server, tmp_path, changed):
    """The server ignores If-Range: what it says about version and length is compared here."""
    half = len(OLD) // 2
    total = changed.pop("total", "150000")
    server.answers = [
        answer(OLD[:half], ETag='"one"', Content_Length=str(len(OLD))),
        answer(NEW[half:], status=206, Content_Range=f"bytes {half}-149999/{total}",
               Content_Length=str(len(NEW) - half), **changed),
        answer(NEW, ETag='"two"', Content_Length=str(len(NEW)))]
    assert get(server, tmp_path / "file") == NEW


def test_the_length_of_what_was_begun_is_known_to_the_next_call(server, tmp_path):
    half = len(OLD) // 2
    server.answers = [answer(OLD[:half], ETag='"one"', Content_Length=str(len(OLD)))]
    with pytest.raises(DownloadError, match="have arrived and are kept"):
        get(server, tmp_path / "file")
    assert json.loads((tmp_path / "file.json").read_text())["length"] == len(OLD)


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/words.zip", "gopher://127.0.0.1/"])
def test_redirects_lead_to_http_alone(server, tmp_path, place):
    server.answers = [answer(b"", status=302, Location=place)]
    with pytest.raises(DownloadError, match=r"which is not http or https|the server says 302"):
        get(server, tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_a_redirect_to_http_is_followed(server, tmp_path):
    server.answers = [answer(b"", status=302, Location="/elsewhere.zip"), answer(OLD, Content_Length=str(len(OLD)))]
    assert get(server, tmp_path / "file") == OLD


def test_a_server_that_drips_is_given_up(server, tmp_path):
    """A clock that runs a minute per look, and a server that brings a few bytes in each."""
    server.answers = [answer(b"x" * 100, Content_Length="1000000", ETag='"one"')]
    time_s = iter(range(0, 10_000_000, 61))
    with pytest.raises(DownloadError, match=r"only \d+ bytes came in|are kept"):
        get(server, tmp_path / "file", clock=lambda: float(next(time_s)))


def test_a_download_has_a_deadline_over_all(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "DEADLINE_S", 3_600)
    server.answers = [answer(b"x" * 100_000, Content_Length="1000000000", ETag='"one"')]
    time_s = iter(range(0, 10_000_000, 1_000))
    with pytest.raises(DownloadError, match=r"not complete after 1 hours|connection broke"):
        get(server, tmp_path / "file", clock=lambda: float(next(time_s)))


def test_a_body_without_length_has_a_cap(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "LARGEST_BYTES", 100_000)
    server.answers = [answer(OLD)]
    with pytest.raises(DownloadError, match="sends more than 0 MB"):
        get(server, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_more_than_was_announced_is_not_kept(server, tmp_path):
    half = len(OLD) // 2
    server.answers = [answer(OLD[:half], ETag='"one"', Content_Length=str(len(OLD))),
                      answer(OLD[half:] + b"more", status=206, ETag='"one"', Content_Range=f"bytes {half}-/*")]
    with pytest.raises(DownloadError, match="more than it announced"):
        get(server, tmp_path / "file")
