"""Saved clips: labelled in the terminal and on the page, promoted into recordings."""

import csv
import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest

from kws.audio.files import read_samples, write_audio
from kws.data.corpus import scan
from kws.data.talk import find_talk
from kws.errors import DataError
from kws.monitor.clips import clips, promote, set_label
from kws.monitor.ingest import ingest_file
from kws.monitor.label_page import LabelServer
from kws.monitor.labelling import Labeller, label_in_terminal
from kws.monitor.store import Store
from tests.helpers.waiting import DEADLINE_S

KEPT = (("yes", False), ("no", False), ("yes", False), ("yes", True))


@pytest.fixture
def store(tmp_path):
    folder, lines = tmp_path / "kept", []
    for i, (word, near) in enumerate(KEPT):
        write_audio(folder / word / f"{i}.wav", np.full(32_000, 100 * (i + 1), np.int16))
        lines.append(json.dumps({"file": f"{word}/{i}.wav", "keyword": word, "near_miss": near, "time_s": i,
                                 "score": 0.9, "at": f"2026-01-0{i + 1}T00:00:00", "device": "kitchen 1",
                                 "model": "0123abcd"}))
    (folder / "kept.jsonl").write_text("\n".join(lines) + "\n")
    with Store(tmp_path / "monitor.db") as store:
        ingest_file(store, folder / "kept.jsonl")
        yield store


class Keys:
    """A screen that answers with these keys, one after the other."""

    def __init__(self, keys):
        self.keys, self.lines, self.asked = list(keys), [], []

    def line(self, text):
        self.lines.append(text)

    def ask(self, text, keys):
        self.asked.append(text)
        assert self.keys[0] in keys
        return self.keys.pop(0)


def labels(store):
    return [clip.label for clip in clips(store)]


def test_in_the_terminal_each_clip_is_played_and_labelled(store):
    played, screen = [], Keys("ptfos")
    label_in_terminal(Labeller(store), screen, play=lambda path: played.append(path.name), read_word=lambda: "stop")
    assert labels(store) == ["true", "false", "stop", "skip"]
    assert played == ["0.wav", "0.wav", "1.wav", "2.wav", "3.wav"]
    assert "kitchen 1: detected yes (0.90)" in screen.asked[0] and "nearly yes" in screen.asked[-1]


def test_undo_comes_back_to_the_clip_and_q_keeps_what_was_done(store):
    label_in_terminal(Labeller(store), Keys("tfuutq"), play=lambda path: None, read_word=str)
    assert labels(store) == ["true", None, None, None]


def test_a_word_that_can_be_none_is_refused_and_asked_for_again(store):
    screen = Keys("ooq")
    words = iter(["Not A Word", "stop"])
    label_in_terminal(Labeller(store), screen, play=lambda path: None, read_word=lambda: next(words))
    assert labels(store)[0] == "stop" and any("must be true, false, skip" in line for line in screen.lines)


@pytest.fixture
def server(store):
    """The page's server in a thread with a connection of its own."""
    ready, stop = threading.Event(), []

    def serve():
        with Store(store.path) as own, LabelServer(own, key="secret") as server:
            stop.append(server)
            ready.set()
            server.serve_forever(poll_interval=0.01)

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait(DEADLINE_S)
    yield stop[0]
    stop[0].shutdown()
    thread.join()


def fetch(server, path, data=None, *, key="secret"):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}?key={key}", data) as answer:
        return answer.read()


def test_the_page_lists_plays_and_labels(store, server):
    waiting = json.loads(fetch(server, "/clips"))
    assert [(clip["word"], clip["near"]) for clip in waiting] == list(KEPT)
    assert fetch(server, f"/sound/{waiting[1]['id']}")[:4] == b"RIFF"
    fetch(server, "/label", json.dumps({"id": waiting[0]["id"], "label": "true"}).encode())
    fetch(server, "/label", json.dumps({"id": waiting[1]["id"], "label": "false"}).encode())
    fetch(server, "/label", json.dumps({"id": waiting[1]["id"], "label": None}).encode())
    assert labels(store) == ["true", None, None, None]
    assert b"was that the word?" in fetch(server, "/")


@pytest.mark.parametrize(("path", "data", "key", "status"), [
    ("/", None, "guess", 403), ("/clips", None, "", 403), ("/label", b"{}", "guess", 403),
    ("/label", b"{}", "secret", 400), ("/label", b'{"id": 1, "label": "Not A Word"}', "secret", 400),
    ("/label", b"x" * 5_000, "secret", 400), ("/sound/../monitor.db", None, "secret", 404),
    ("/sound/99", None, "secret", 404), ("/etc/passwd", None, "secret", 404)])
def test_the_page_answers_nobody_else_and_nothing_else(store, server, path, data, key, status):
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(server, path, data, key=key)
    assert refused.value.code == status
    refused.value.close()
    assert labels(store) == [None] * 4


def test_the_page_works_in_a_browser(store, server):
    """Its script asks for the clips and shows the first one."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no browser is installed")
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000",
                           "--dump-dom", server.url], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert '<p id="word">yes</p>' in done.stdout and "0 labelled, 4 to go" in done.stdout


def test_labelled_clips_become_recordings_of_the_device(store, tmp_path):
    recordings = tmp_path / "recordings"
    for clip, label in zip(clips(store), ("true", "false", "stop", "true"), strict=True):
        set_label(store, clip.id, label)
    done = promote(store, recordings)
    assert done.words == {"yes": 2, "false": 1, "stop": 1}
    corpus = scan(recordings)
    assert {(clip.word, clip.speaker, clip.source) for clip in corpus.clips} == {
        (word, "kitchen-1", "field") for word in ("yes", "stop")}
    assert len({clip.split for clip in corpus.clips}) == 1
    with open(recordings / "field" / "promoted.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["detected"] for row in rows] == ["yes", "no", "yes", "yes"]
    assert {row["device"] for row in rows} == {"kitchen 1"} and {row["model"] for row in rows} == {"0123abcd"}
    with pytest.raises(DataError, match="kws monitor label"):
        promote(store, recordings)


def test_a_false_alarm_becomes_talk_that_trains(store, tmp_path):
    set_label(store, clips(store)[1].id, "false")
    promote(store, tmp_path / "recordings")
    found = find_talk(tmp_path / "recordings")
    assert [(talk.speaker, talk.split, talk.text) for talk in found] == [("kitchen-1", "training", None)]
    assert len(read_samples(found[0].path)) == 32_000


def test_another_label_moves_what_was_promoted(store, tmp_path):
    set_label(store, clips(store)[0].id, "true")
    promote(store, tmp_path / "recordings")
    set_label(store, clips(store)[0].id, "false")
    promote(store, tmp_path / "recordings")
    assert [path.parent.name for path in (tmp_path / "recordings").rglob("*.wav")] == ["training"]
