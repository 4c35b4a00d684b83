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

from kws.data.corpus import split_of
from kws.data.talk import find_talk
from kws.data.talk_sources import chosen_on, download_talk, link_talk, shared_folders
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
    for speaker in ("anna", "ben"):
        sound(tmp_path / "radio" / speaker / "one.wav")
    (tmp_path / "radio" / "talk.csv").write_text("file,text\nanna/one,good morning\nben/one,good night\n")
    place = link_talk(tmp_path / "recordings", tmp_path / "radio")
    found = find_talk(tmp_path / "recordings")
    assert [(one.source, one.speaker, one.text) for one in found] == [("radio", "anna", "good morning"),
                                                                      ("radio", "ben", "good night")]
    assert all(one.path.is_symlink() for one in found) and (place / "talk.csv").is_symlink()
    before = sorted(place.rglob("*"))
    assert link_talk(tmp_path / "recordings", tmp_path / "radio") == place and sorted(place.rglob("*")) == before


def named(*counts):
    """As many recordings of each speaker as `counts` says, all of them of the training split by name."""
    speakers = [name for name in (f"reader{n}" for n in range(99)) if split_of(name) == "training"]
    return [PurePosixPath(speaker, f"{n}.wav") for speaker, count in zip(speakers, counts, strict=False)
            for n in range(count)]


def test_some_speakers_are_kept_back_for_thresholds_if_their_names_keep_nobody_back():
    kept = chosen_on(named(10, 10, 10, 10, 10, 10, 10, 10, 10, 10))
    assert len(kept) == 20 and len({name.parts[0] for name in kept}) == 2
    assert len(chosen_on(named(10, 10))) == 10
    assert {name.name for name in chosen_on(named(20))} == {"17", "18", "19"}


def test_who_is_filed_by_split_or_by_name_stays_there():
    assert chosen_on([PurePosixPath("training", "anna", "1.wav"), PurePosixPath("training", "ben", "1.wav")]) == set()
    speaker = next(name for name in (f"reader{n}" for n in range(99)) if split_of(name) == "validation")
    assert chosen_on([*named(5, 5), PurePosixPath(speaker, "1.wav")]) == set()


def test_a_folder_without_sound_or_none_at_all_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no recordings in it"):
        link_talk(tmp_path / "recordings", tmp_path / "empty")
    with pytest.raises(DataError, match="no such folder"):
        link_talk(tmp_path / "recordings", tmp_path / "nowhere")


@pytest.mark.parametrize(("paths", "depth"), [(["a/b/1/x", "a/b/2/x"], 2), (["x", "y"], 0), (["a/b/x"], 2)])
def test_the_first_folder_in_which_paths_differ_is_found(paths, depth):
    assert shared_folders([PurePosixPath(path) for path in paths]) == depth
