"""Commands that detections start: what reaches the program, one at a time, time limit, failures."""

import json
import sys
import time

import pytest

from kws.detect.detector import Detection
from kws.errors import KwsError
from kws.listen.actions import Action, Actions, parse_action
from tests.helpers.waiting import DEADLINE_S

YES = Detection("yes", 12.3456, 0.876)
KEYWORDS = ("yes", "no")


def python(code, *arguments):
    return (sys.executable, "-c", code, *arguments)


def wait(actions, *, until, seconds=DEADLINE_S):
    """Poll until something is so."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it did not happen"
        actions.poll()
        time.sleep(0.01)


@pytest.fixture
def notes():
    return []


@pytest.fixture
def make(notes):
    """make(actions...) -> Actions, closed after the test."""
    made = []

    def build(*actions, **options):
        made.append(Actions(actions, note=notes.append, **options))
        return made[-1]

    yield build
    for actions in made:
        actions.close()


class TestParsing:
    def test_the_command_is_split_as_a_shell_would(self):
        action = parse_action("yes", "echo 'heard {keyword}' {score} a\\ b", keywords=KEYWORDS)
        assert action == Action("yes", ("echo", "heard {keyword}", "{score}", "a b"))
        assert action.filled(YES) == ["echo", "heard yes", "0.88", "a b"]

    def test_what_a_value_holds_stays_in_its_argument(self):
        action = parse_action("*", "echo {keyword} {time_s}", keywords=KEYWORDS)
        assert action.filled(Detection("a; rm -rf {score} $(b)", 1, 0.5)) == ["echo", "a; rm -rf {score} $(b)", "1.00"]

    @pytest.mark.parametrize(("keyword", "command", "message"), [
        ("maybe", "echo", "does not know this word; it knows yes, no"),
        ("yes", "echo 'a", "no closing quotation; close the quotes"),
        ("yes", "  ", "the command is empty"),
        ("yes", "echo {keywrod}", r"\{keywrod\} is not a placeholder; there are \{keyword\}, \{score\}, \{time_s\}"),
        ("yes", "no-such-program-here x", "there is no program 'no-such-program-here'"),
    ])
    def test_what_cannot_work_is_refused_before_listening(self, keyword, command, message):
        with pytest.raises(KwsError, match=message):
            parse_action(keyword, command, keywords=KEYWORDS)


class TestRunning:
    def test_no_shell_sees_the_arguments(self, make, tmp_path):
        out = tmp_path / "out.json"
        code = "import json, sys; open(sys.argv[1], 'w').write(json.dumps(sys.argv[2:]))"
        actions = make(Action("yes", python(code, str(out), "$HOME", "`ls` | {keyword}", "*", ">{score}")))
        actions.detected(YES)
        wait(actions, until=lambda: out.exists() and out.read_text())
        assert json.loads(out.read_text()) == ["$HOME", "`ls` | yes", "*", ">0.88"]

    def test_only_its_own_keyword_starts_a_command(self, make):
        actions = make(Action("yes", python("")), Action("*", python("")))
        actions.detected(Detection("no", 1, 1))
        assert actions.started == 1
        actions.detected(YES)
        assert actions.started == 3

    def test_one_at_a_time_for_each_keyword(self, make, notes, tmp_path):
        go = tmp_path / "go"
        code = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
        actions = make(Action("*", python(code)))
        actions.detected(YES)
        actions.detected(YES)
        assert (actions.started, actions.skipped) == (1, 1)
        assert notes == ["yes: its last command is still running; skipped this one"]
        actions.detected(Detection("no", 1, 1))
        assert actions.started == 2
        go.touch()
        wait(actions, until=lambda: not actions._running)
        actions.detected(YES)
        assert (actions.started, actions.skipped, actions.failed) == (3, 1, 0)

    def test_a_failure_is_reported_with_its_last_words(self, make, notes):
        actions = make(Action("yes", python("import sys; print('a\\nlamp not found', file=sys.stderr); sys.exit(3)")))
        actions.detected(YES)
        wait(actions, until=lambda: actions.failed)
        assert notes == ["yes: its command failed with status 3: lamp not found"]

    def test_a_program_that_cannot_be_started_is_a_failure(self, make, notes):
        actions = make(Action("yes", ("{keyword}-no-such-program",)))
        actions.detected(YES)
        assert actions.failed == 1 and notes == ["yes: its command cannot be started (No such file or directory)"]

    def test_the_time_limit_ends_a_command_and_its_children(self, make, notes, tmp_path):
        pids = tmp_path / "pids"
        code = ("import signal, subprocess, sys, os, time\n"
                "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"  # has to be killed
                "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)'])\n"
                f"pids = {str(pids)!r}\n"
                "open(pids + '.tmp', 'w').write(str(child.pid)); os.rename(pids + '.tmp', pids)\n"
                "time.sleep(100)")
        now = [0.0]
        actions = make(Action("yes", python(code)), limit_s=5, clock=lambda: now[0])
        actions.detected(YES)
        wait(actions, until=pids.exists)
        now[0] = 4.9
        actions.poll()
        assert actions._running
        now[0] = 5.0
        actions.poll()
        now[0] = 6.1
        wait(actions, until=lambda: actions.failed)
        assert notes == ["yes: its command was stopped after 5 s"]
        wait(actions, until=lambda: gone(int(pids.read_text())))

    def test_commands_that_still_run_end_with_everything(self, make, notes):
        actions = make(Action("yes", python("import time; time.sleep(100)")))
        actions.detected(YES)
        process = next(iter(actions._running.values())).process
        actions.close()
        assert process.returncode is not None and notes == ["yes: its command was stopped with everything else"]


def gone(pid):
    """Whether a process has ended (one that nobody waits for stays as a zombie)."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
