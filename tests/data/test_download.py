"""Downloads from a real server on this machine that breaks off, lies and forgets."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import soundfile

from kws.data import fetch as fetching
from kws.data.corpus import scan
from kws.data.fetch import ATTEMPTS, fetch
from kws.data.speech_commands import SHA256, URL, download
from kws.errors import DataError, DownloadError


class Server(ThreadingHTTPServer):
    """Serves `body` at every path, as badly as its settings say; `asked` holds the Range of each request."""

    def __init__(self, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.etag = body, '"one"'
        self.break_after: int | None = None  # bytes of the body in one connection
        self.ranges, self.length_known, self.wrong_range = True, True, False
        self.statuses: list[int] = []  # answers before the body is served at all
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/data/words.tar.gz?x=1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        start = 0
        if wanted and server.ranges and self.headers.get("If-Range") in (None, server.etag):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(server.body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(server.body)}")
                self.end_headers()
                return
            self.send_response(206)
            first = start + server.wrong_range
            self.send_header("Content-Range", f"bytes {first}-{len(server.body) - 1}/{len(server.body)}")
        else:
            self.send_response(200)
        if server.etag:
            self.send_header("ETag", server.etag)
        if server.length_known:
            self.send_header("Content-Length", str(len(server.body) - start))
        self.end_headers()
        self.wfile.write(server.body[start:][: server.break_after])

    def log_message(self, *_: object) -> None:
        """Quiet."""


BODY = np.random.default_rng(1).bytes(300_000)
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(BODY) as running:
        thread = Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(server: Server, folder: Path, *, sha256: str | None = DIGEST) -> Path:
    """Fetch without waiting between attempts."""
    digest = fetch(server.url, folder / "file", sha256=sha256, wait=lambda seconds: None)
    assert digest == hashlib.sha256((folder / "file").read_bytes()).hexdigest()
    return folder / "file"


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_whole_file(server, tmp_path):
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.asked == [None]
    assert get(server, tmp_path, sha256=None).read_bytes() == BODY
    assert server.asked == [None]  # the second call found it there


def test_broken_connections_are_resumed_within_one_run(server, tmp_path):
    server.break_after = 100_001
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.asked == [None, "bytes=100001-", "bytes=200002-"]


def test_gives_up_keeps_what_arrived_and_goes_on_later(server, tmp_path):
    server.break_after = 100_000
    waits = []

    def cut(seconds):
        waits.append(seconds)
        server.break_after = 0

    with pytest.raises(DownloadError, match=r"0\.1 MB have arrived and are kept.*again to continue"):
        fetch(server.url, tmp_path / "file", sha256=DIGEST, wait=cut)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0][:ATTEMPTS]
    assert left(tmp_path) == ["file.json", "file.part"]
    server.break_after, server.asked = None, []
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.asked == ["bytes=100000-"]


def test_a_server_that_ignores_ranges_starts_again(server, tmp_path):
    server.ranges, server.break_after = False, 100_000

    def mend(seconds):
        server.break_after = None

    fetch(server.url, tmp_path / "file", sha256=DIGEST, wait=mend)
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.asked == [None, "bytes=100000-"]


def test_a_server_that_ignores_ranges_and_always_breaks_ends(server, tmp_path):
    server.ranges, server.break_after = False, 100_000
    with pytest.raises(DownloadError, match="connection broke at 100000 of 300000 bytes"):
        get(server, tmp_path)
    assert len(server.asked) == 1 + ATTEMPTS


def test_a_wrong_part_is_thrown_away(server, tmp_path):
    server.break_after, server.wrong_range = 100_000, True

    def mend(seconds):
        if len(server.asked) > 1:
            server.break_after = None

    fetch(server.url, tmp_path / "file", sha256=DIGEST, wait=mend)
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.asked == [None, "bytes=100000-", None]


def test_a_file_that_changed_meanwhile_is_begun_anew(server, tmp_path):
    server.break_after = 100_000

    def change(seconds):
        server.break_after, server.etag, server.body = None, '"two"', BODY[::-1]

    fetch(server.url, tmp_path / "file", sha256=None, wait=change)
    assert (tmp_path / "file").read_bytes() == BODY[::-1]


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_parts_are_joined_blindly_only_where_a_digest_checks_them(server, tmp_path, etag):
    server.break_after, server.etag = 200_000, etag

    def mend(seconds):
        server.break_after = None

    for sha256, second in ((None, None), (DIGEST, "bytes=200000-")):
        server.asked, server.break_after = [], 200_000
        fetch(server.url, tmp_path / str(second) / "file", sha256=sha256, wait=mend)
        assert (tmp_path / str(second) / "file").read_bytes() == BODY
        assert server.asked == [None, second]


def test_a_part_of_another_address_is_not_used(server, tmp_path):
    server.break_after = 100_000
    with pytest.raises(DownloadError):
        fetch(server.url, tmp_path / "file", sha256=DIGEST, wait=lambda s: setattr(server, "break_after", 0))
    server.break_after, server.asked = None, []
    fetch(server.url + "&other", tmp_path / "file", sha256=DIGEST)
    assert server.asked == [None]


def test_a_part_that_is_complete_already(server, tmp_path):
    """Killed between the last byte and the rename."""
    server.break_after = 100_000
    with pytest.raises(DownloadError):
        fetch(server.url, tmp_path / "file", sha256=DIGEST, wait=lambda s: setattr(server, "break_after", 0))
    (tmp_path / "file.part").write_bytes(BODY)
    server.break_after = None
    assert get(server, tmp_path).read_bytes() == BODY
    (tmp_path / "file").rename(tmp_path / "file.part")
    (tmp_path / "file.part").write_bytes(BODY + b"more than the server has")
    server.asked = []
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.asked == ["bytes=300024-", None]


def test_wrong_checksum_keeps_nothing(server, tmp_path):
    with pytest.raises(DownloadError, match=rf"SHA-256 is {DIGEST}, not {'0' * 64}; it was removed"):
        get(server, tmp_path, sha256="0" * 64)
    assert left(tmp_path) == []


def test_without_a_length(server, tmp_path):
    server.length_known = False
    assert get(server, tmp_path).read_bytes() == BODY


def test_missing_files_are_not_retried(server, tmp_path):
    server.statuses = [404]
    with pytest.raises(DownloadError, match="the server says 404 Not Found; check the address"):
        get(server, tmp_path)
    assert len(server.asked) == 1 and left(tmp_path) == []


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.statuses = [503, 429]
    assert get(server, tmp_path).read_bytes() == BODY
    server.statuses = [503] * 100
    with pytest.raises(DownloadError, match="Service Unavailable"):
        fetch(server.url, tmp_path / "other", sha256=None, wait=lambda seconds: None)


def test_nobody_answers(tmp_path):
    with Server(BODY) as gone:
        url = gone.url
    with pytest.raises(DownloadError, match="refused"):
        fetch(url, tmp_path / "file", sha256=None, wait=lambda seconds: None)
    with pytest.raises(DownloadError, match="must begin with http"):
        fetch("file:///etc/passwd", tmp_path / "file", sha256=None)


def test_a_full_disk_is_noticed_first(server, tmp_path, monkeypatch):
    usage = fetching.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path: usage._replace(free=700_000))
    with pytest.raises(DownloadError, match="free some space"):
        fetch(server.url, tmp_path / "file", sha256=DIGEST, room_factor=1.5)
    fetch(server.url, tmp_path / "file", sha256=DIGEST, room_factor=1.3)


def test_interrupted_and_resumed(server, tmp_path, monkeypatch):
    server.break_after = 100_000

    def interrupt(seconds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server.url, tmp_path / "file", sha256=DIGEST, wait=interrupt)
    server.break_after, server.asked = None, []
    get(server, tmp_path)
    assert server.asked == ["bytes=100000-"]


def archive_of(*names: str, link: str | None = None) -> bytes:
    """A .tar.gz of short recordings in the official layout."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for i, name in enumerate(names):
            audio = io.BytesIO()
            soundfile.write(audio, np.tile(np.array([9_000 + i, -9_000], np.int16), 8_000), 16_000, format="WAV")
            info = tarfile.TarInfo(name)
            info.size = len(audio.getvalue())
            audio.seek(0)
            tar.addfile(info, audio)
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(info)
    return packed.getvalue()


WORDS = ("./yes/0a_nohash_0.wav", "./no/0b_nohash_0.wav", "./_background_noise_/tap.wav")


def get_words(server: Server, workspace: Path, **settings):
    return download(workspace / "recordings/words", workspace / "cache", url=server.url, wait=lambda seconds: None,
                    **settings)


def test_download_makes_a_source_once(server, tmp_path):
    server.body = archive_of(*WORDS)
    server.break_after = len(server.body) * 2 // 3
    done = get_words(server, tmp_path)
    assert done.imported.written == 3 and done.sha256 == hashlib.sha256(server.body).hexdigest()
    assert scan(tmp_path / "recordings").words == ("no", "yes")
    assert left(tmp_path / "cache") == []
    server.asked = []
    assert get_words(server, tmp_path).imported is None
    assert get_words(server, tmp_path, sha256=done.sha256.upper()).imported is None
    assert server.asked == []


def test_download_goes_on_after_an_interrupted_import(server, tmp_path, monkeypatch):
    server.body = archive_of(*WORDS)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("kws.data.speech_commands.import_path", interrupt)
        get_words(server, tmp_path)
    server.asked = []
    assert get_words(server, tmp_path).imported.written == 3
    assert server.asked == []


@pytest.mark.parametrize("body", [archive_of(*WORDS)[:-400], archive_of(*WORDS, "../evil.wav"), b"<html>",
                                  archive_of(*WORDS, "/evil.wav"), archive_of(*WORDS, link="yes/link.wav")],
                         ids=["truncated", "parent", "no archive", "absolute", "link"])
def test_bad_archives_are_refused_as_a_whole(server, tmp_path, body):
    server.body = body
    with pytest.raises(DataError, match=r"truncated|leads out|is a link"):
        get_words(server, tmp_path)
    assert not (tmp_path / "recordings").exists() and "words.tar.gz" not in left(tmp_path / "cache")
    server.body = archive_of(*WORDS)
    assert get_words(server, tmp_path).imported.written == 3


def test_download_refuses_what_it_cannot_use(server, tmp_path):
    with pytest.raises(DownloadError, match="64 hexadecimal digits"):
        get_words(server, tmp_path, sha256="abc")
    with pytest.raises(DownloadError, match="must end in the name of an archive"):
        download(tmp_path / "recordings/x", tmp_path / "cache", url=server.url.replace("words.tar.gz", "words"))
    assert server.asked == []


def test_the_official_archive_is_always_checked(monkeypatch, tmp_path):
    asked = {}

    def remember(url, target, *, sha256, **_):
        asked.update(url=url, sha256=sha256)
        raise KeyboardInterrupt

    monkeypatch.setattr("kws.data.speech_commands.fetch", remember)
    with pytest.raises(KeyboardInterrupt):
        download(tmp_path / "recordings/speech_commands", tmp_path / "cache")
    assert asked == {"url": URL, "sha256": SHA256}
