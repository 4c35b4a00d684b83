"""Talk from an archive on a server, and from a folder that is only named."""

import io
import tarfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from threading import Thread

import numpy as np
import pytest
import soundfile

from kws.data.talk import find_talk
from kws.data.talk_sources import download_talk, link_talk, shared_folders
from kws.errors import DataError, DownloadError


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    """The address of a folder's server, and the folder."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", folder
        running.shutdown()


def sound(path, seconds=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(16_000 * seconds, np.int16), 16_000)


def archive_of(folder, target, names):
    """A .tar.gz with sounds and transcripts in LibriSpeech's layout."""
    with tarfile.open(target, "w:gz") as packed:
        for name in names:
            sound(folder / "one.flac")
            content = (b"1272-1-0000 MISTER QUILTER IS\n1272-1-0001 AND SO ON\n" if name.endswith(".txt")
                       else (folder / "one.flac").read_bytes())
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))


def test_an_archive_becomes_talk_by_speakers_with_what_they_say(server, tmp_path):
    address, folder = server
    names = ["Libri/README.TXT", "Libri/dev/1272/1/1272-1-0000.flac", "Libri/dev/1272/1/1272-1-0001.flac",
             "Libri/dev/1272/1/1272-1.trans.txt", "Libri/dev/84/2/84-2-0000.flac"]
    archive_of(tmp_path, folder / "dev.tar.gz", names)
    made = download_talk(tmp_path / "recordings", tmp_path / "downloads", url=f"{address}/dev.tar.gz")
    found = find_talk(tmp_path / "recordings")
    assert [(one.speaker, one.text) for one in found] == [("1272", "MISTER QUILTER IS"), ("1272", "AND SO ON"),
                                                          ("84", None)]
    assert made == tmp_path / "recordings" / "librispeech" / "_talk_"
    assert not list((tmp_path / "downloads").glob("*.gz"))
    (folder / "dev.tar.gz").unlink()
    assert download_talk(tmp_path / "recordings", tmp_path / "downloads", url=f"{address}/dev.tar.gz") == made


def test_what_is_no_talk_is_refused_and_nothing_stays(server, tmp_path):
    address, folder = server
    archive_of(tmp_path, folder / "text.tar.gz", ["a/b.trans.txt"])
    with pytest.raises(DataError, match="no sound in it"):
        download_talk(tmp_path / "r", tmp_path / "d", url=f"{address}/text.tar.gz")
    with pytest.raises(DownloadError, match="404"):
        download_talk(tmp_path / "r", tmp_path / "d", url=f"{address}/gone.tar.gz")
    with pytest.raises(DownloadError, match="must end in the name of an archive"):
        download_talk(tmp_path / "r", tmp_path / "d", url=f"{address}/page.html")
    assert not (tmp_path / "r" / "librispeech").exists()


def test_a_folder_is_named_and_not_copied(tmp_path):
    sound(tmp_path / "radio" / "anna" / "one.wav")
    link = link_talk(tmp_path / "recordings", tmp_path / "radio")
    assert link.is_symlink() and [(one.source, one.speaker) for one in find_talk(tmp_path / "recordings")] == [
        ("radio", "anna")]
    assert link_talk(tmp_path / "recordings", tmp_path / "radio") == link
    sound(tmp_path / "other" / "radio" / "ben" / "one.wav")
    with pytest.raises(DataError, match="already exists"):
        link_talk(tmp_path / "recordings", tmp_path / "other" / "radio")


def test_a_folder_without_sound_or_none_at_all_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no recordings in it"):
        link_talk(tmp_path / "recordings", tmp_path / "empty")
    with pytest.raises(DataError, match="no such folder"):
        link_talk(tmp_path / "recordings", tmp_path / "nowhere")


@pytest.mark.parametrize(("paths", "depth"), [(["a/b/1/x", "a/b/2/x"], 2), (["x", "y"], 0), (["a/b/x"], 2)])
def test_the_first_folder_in_which_paths_differ_is_found(paths, depth):
    assert shared_folders([PurePosixPath(path) for path in paths]) == depth
