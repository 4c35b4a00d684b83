"""kws monitor as a person starts it."""

import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from kws.audio.files import write_audio
from kws.cli import app
from kws.export.numbers import model_names, number_of
from kws.monitor.store import Store
from kws.spec import Spec
from kws.specfile import write_spec
from tests.helpers.fields import MODEL, reports
from tests.helpers.terminal import Terminal

LINES = b"ready 0\nsession 1 0123abcd 00000009\ndetected yes 1500 200\ndetected yes nonsense\ncost 500 3000\n"


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "kws.toml").write_text(write_spec(Spec(keywords=("yes", "no"))))
    return tmp_path


def call(workspace, *arguments, stdin=None):
    return CliRunner().invoke(app, ["monitor", *map(str, arguments), "-C", str(workspace)], input=stdin)


def test_files_and_pipes_are_taken_in_once(workspace):
    (workspace / "kitchen.log").write_bytes(LINES)
    done = call(workspace, "ingest", workspace / "kitchen.log")
    assert (done.exit_code, done.stdout) == (0, "5 lines: 1 new, 0 known already, 1 malformed, 1 other\n")
    done = call(workspace, "ingest", "-", "--device", "kitchen", "--json", stdin=LINES)
    assert json.loads(done.stdout) == {"lines": 5, "new": 0, "known": 1, "malformed": 1, "other": 1}
    assert (workspace / "field" / "monitor.db").is_file()


def test_neither_files_nor_a_broker_is_a_mistake(workspace):
    assert call(workspace, "ingest").exit_code == 2
    assert call(workspace, "forget").exit_code == 2
    missing = call(workspace, "ingest", workspace / "none.log")
    assert missing.exit_code == 1 and "cannot be read" in missing.stderr


def recent(lines):
    """The same lines, the last of them now."""
    shift = datetime.now(UTC) - timedelta(hours=1)
    found = [json.loads(line) for line in lines]
    last = datetime.fromisoformat(found[-1]["at"])
    return "\n".join(json.dumps({**one, "at": (datetime.fromisoformat(one["at"]) - last + shift).isoformat()})
                     for one in found) + "\n"


def test_check_ends_with_3_where_something_is_wrong_and_says_what_to_do(workspace):
    (workspace / "new.jsonl").write_text(recent(reports("new", days=1)))
    call(workspace, "ingest", workspace / "new.jsonl")
    assert "new: not compared: it has not run for a week" in call(workspace, "check").stderr
    call(workspace, "forget", "--device", "new")
    (workspace / "field.jsonl").write_text(recent(reports("kitchen", days=9)))
    call(workspace, "ingest", workspace / "field.jsonl")
    done = call(workspace, "check")
    assert (done.exit_code, done.stdout) == (0, "8 of 8 checks passed\n")
    loud = [*reports("hall", days=7), *reports("hall", days=7, level=9, start_day=7, session="00000002")]
    (workspace / "loud.jsonl").write_text(recent(loud))
    call(workspace, "ingest", workspace / "loud.jsonl")
    done = call(workspace, "check")
    assert done.exit_code == 3
    assert re.match(r"hall: levels, mean step: .* in its own first week with this model .*\n    its microphone hears "
                    "different levels", done.stdout)
    findings = json.loads(call(workspace, "check", "--json").stdout)["findings"]
    assert [one["device"] for one in findings if not one["holds"]] == ["hall"]


def test_the_report_names_exported_models(workspace):
    (workspace / "field.jsonl").write_text(recent(reports("kitchen", days=2)))
    call(workspace, "ingest", workspace / "field.jsonl")
    assert number_of(workspace / "models", "ffffffff", run="cnn-1") == 1
    assert number_of(workspace / "models", MODEL, run="cnn-2") == 2
    assert number_of(workspace / "models", MODEL, run="cnn-2") == 2
    assert model_names(workspace / "models") == {"ffffffff": "model 1, cnn-1", MODEL: "model 2, cnn-2"}
    done = call(workspace, "report")
    page = workspace / "field" / "report.html"
    assert done.stdout.strip() == str(page) and f"model 2, cnn-2 ({MODEL})" in page.read_text()


def test_clips_are_listed_labelled_promoted_and_forgotten(workspace):
    kept = workspace / "kept"
    for i in range(3):
        write_audio(kept / "yes" / f"{i}.wav", np.full(32_000, 50, np.int16))
    lines = [{"file": f"yes/{i}.wav", "keyword": "yes", "near_miss": False, "score": 0.9, "time_s": 1, "device": "hall",
              "at": f"2026-01-0{i + 1}T00:00:00Z"} for i in range(3)]
    (kept / "kept.jsonl").write_text("\n".join(map(json.dumps, lines)))
    call(workspace, "ingest", kept / "kept.jsonl")
    done = call(workspace, "label", "--set", "1=true", "--set", "2=false", "--list", "--json")
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == ["true", "false", None]
    assert call(workspace, "label", "--set", "9=true").exit_code == 1
    assert call(workspace, "label", "--set", "x=true").exit_code == 2
    assert "needs a terminal; use --page" in call(workspace, "label").stderr
    done = call(workspace, "promote")
    assert done.stdout.startswith(str(workspace / "recordings" / "field")) and "false 1, yes 1" in done.stdout
    assert call(workspace, "promote").exit_code == 1
    done = call(workspace, "forget", "--device", "hall")
    assert done.exit_code == 0 and "3 clips deleted" in done.stderr
    assert not list(kept.rglob("*.wav")) and len(list((workspace / "recordings").rglob("*.wav"))) == 2


def test_labelling_in_a_terminal(workspace):
    kept = workspace / "kept"
    for i in range(3):
        write_audio(kept / "yes" / f"{i}.wav", np.full(1_600, 50, np.int16))
    lines = [{"file": f"yes/{i}.wav", "keyword": "yes", "near_miss": False, "score": 0.9, "time_s": 1, "device": "hall",
              "at": f"2026-01-0{i + 1}T00:00:00Z"} for i in range(3)]
    (kept / "kept.jsonl").write_text("\n".join(map(json.dumps, lines)))
    call(workspace, "ingest", kept / "kept.jsonl")
    terminal = Terminal("monitor", "label", "-C", workspace)
    for place, keys in (("1 of 3", "t"), ("2 of 3", "f"), ("3 of 3", "u"), ("2 of 3", "o")):
        terminal.wait_for(f"{place}  hall: detected yes")
        terminal.press(keys)
    terminal.wait_for("the word that was said: ")
    terminal.press("stpx\x7f\x7fop\n")
    terminal.wait_for("3 of 3")
    terminal.press("q")
    status, out = terminal.finish()
    assert (status, out) == (0, "2 labelled, 1 left; next: kws monitor promote\n")
    done = call(workspace, "label", "--list", "--json")
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == ["true", "stop", None]


def test_what_is_old_is_forgotten_after_taking_in(workspace):
    now = datetime.now(UTC)
    lines = [{"device": "a", "session": "1", "keyword": "yes", "score": 0.5, "time_s": 86_400 * day,
              "at": (now - timedelta(days=20 - day)).isoformat()} for day in range(20)]
    (workspace / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    call(workspace, "ingest", workspace / "a.jsonl", "--keep-days", "10")
    with Store(workspace / "field" / "monitor.db") as store:
        count = store.db.execute("SELECT count(*) FROM events").fetchone()[0]
    assert count in (9, 10)


def test_a_baseline_is_measured_on_recordings(workspace, tmp_path):
    write_audio(tmp_path / "room.wav", np.random.default_rng(0).normal(0, 100, 16_000 * 61).astype(np.int16))
    done = call(workspace, "baseline", tmp_path / "room.wav", "--run", "models/commands")
    assert done.exit_code == 0 and "0.02 hours of room.wav" in done.stdout
    short = tmp_path / "short.wav"
    write_audio(short, np.zeros(16_000, np.int16))
    refused = call(workspace, "baseline", short, "--run", "models/commands")
    assert refused.exit_code == 1 and "better an hour" in refused.stderr
