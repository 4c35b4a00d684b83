"""kws listen: live detection from a microphone."""

import contextlib
import os
import platform
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from kws.cli.common import ClickContext, DirectoryOption, JsonOption, RunOption, counted, note
from kws.cli.detect import print_hit
from kws.cli.session import Hands, detections, tell_the_rest
from kws.errors import KwsError

if TYPE_CHECKING:
    from kws.audio.microphone import Device
    from kws.cli.field import FieldPrinter
    from kws.detect.detector import Detection, Detector, Hop
    from kws.listen.actions import Action
    from kws.listen.listener import Event, Listener, Reporting, Totals
    from kws.listen.session import Status, View

HINT_EVERY_S = 30.0
NOTES_AFTER = 20  # of the display's notes, repeated when its screen has gone


class ListenCommand(TyperCommand):
    """--on takes two values, KEYWORD and COMMAND, which reach the function as one string."""

    def parse_args(self, ctx: ClickContext, args: list[str]) -> list[str]:
        joined, left = [], list(args)
        while left:
            word = left.pop(0)
            joined.append(word)
            if word == "--on" and len(left) >= 2:
                joined.append(f"{left.pop(0)} {left.pop(0)}")
        return super().parse_args(ctx, joined)


def listen(
    run: RunOption = None,
    device: Annotated[str | None, typer.Option(
        metavar="DEVICE", show_default=False,
        help="Number, name or part of the name of a microphone. Default: the one used last, or the system's.")] = None,
    serial: Annotated[str | None, typer.Option(
        "--serial", metavar="PORT", show_default=False,
        help="Show what a device with an exported example detects, instead of using the microphone.")] = None,
    baud: Annotated[int, typer.Option("--baud", metavar="N", min=1, help="Speed of the serial port.")] = 115_200,
    compare: Annotated[bool, typer.Option(
        "--compare", help="With --serial: run this PC's engine on the sound that the device sends, and report what "
                          "differs.")] = False,
    on: Annotated[list[str] | None, typer.Option(
        "--on", metavar="KEYWORD COMMAND", show_default=False,
        help="Run a command at each detection of KEYWORD (* for every keyword). {keyword}, {score} and {time_s} are "
             "filled in. No shell is involved; one command at a time for each keyword.")] = None,
    limit_s: Annotated[float, typer.Option("--limit", metavar="S", min=0.1,
                                           help="Seconds after which such a command is stopped.")] = 30.0,
    save: Annotated[Path | None, typer.Option(
        metavar="DIR", show_default=False, help="Keep the sound around each detection in DIR.")] = None,
    near_misses: Annotated[bool, typer.Option(
        "--near-misses", help="With --save: also keep what came close to the threshold.")] = False,
    plain: Annotated[bool, typer.Option(
        "--plain", help="Print lines instead of the display, as in a pipe.")] = False,
    json: JsonOption = False,
    report_s: Annotated[float | None, typer.Option(
        "--report", metavar="S", min=1.0, show_default=False,
        help="Print what kws monitor reads: detections as a device prints them (with --json as objects with session "
             "and time), and every S seconds of sound what the detector counted about itself (try 3600). With --serial "
             "the device decides how often.")] = None,
    name: Annotated[str | None, typer.Option(
        "--name", metavar="NAME", show_default=False,
        help="What the monitor calls this device, with --report and --save. Default: this computer's name.")] = None,
    seconds: Annotated[float | None, typer.Option(
        metavar="S", min=0.1, show_default=False, help="Stop after this time. Default: at Ctrl-C.")] = None,
    directory: DirectoryOption = None,
) -> None:
    """Detect keywords live from a microphone.

    Shows level, spectrogram, scores and detections; with --plain or in a pipe a line per detection, with --json one
    object per line as kws detect prints it. A device that is unplugged is used again when it comes back. Exit status 1
    after --compare: the device detected something other than this PC.

    Example: kws listen --on yes "notify-send heard {keyword}"
    """
    from kws.cli import remote
    from kws.detect.detector import load_detector
    from kws.workspace import locate_run

    remote.refuse(serial=serial, device=device, near_misses=near_misses, compare=compare)
    if near_misses and save is None:
        raise typer.BadParameter("needs --save DIR, where the sound goes", param_hint="--near-misses")
    folder = locate_run(run, directory)
    detector = load_detector(folder)
    actions = parse_actions(on or [], detector)
    if save is not None:
        check_writable(save)
    lines = plain or json or report_s is not None or not sys.stdout.isatty()
    lines = lines or os.environ.get("TERM", "dumb") in ("dumb", "unknown") or not shows_blocks(sys.stdout.encoding)
    with interrupted_by_terminate():
        if serial is not None:
            to_device(folder, detector, actions, port=serial, baud=baud, compare=compare, lines=lines, as_json=json,
                      limit_s=limit_s, save=save, seconds=seconds, name=name,
                      printer=make_printer(report_s, name, as_json=json))
            return
        found = choose_device(device, directory)
        with own_stderr(), open_view(detector, f"{folder.name}  ·  {found.name}", name=found.name, lines=lines,
                                     as_json=json, printer=(printer := make_printer(report_s, name, as_json=json))
                                     ) as view:
            hands = make_hands(view, actions, limit_s=limit_s, save=save, about=about_clips(detector, name))
            listener = make_listener(detector, view, hands, near_misses=near_misses,
                                     reporting=printer.of_detector(detector, report_s or 0.0) if printer else None)
            with contextlib.suppress(KeyboardInterrupt), contextlib.closing(open_events(found, view.note)) as events:
                listener.run(events, seconds=seconds)
        summarize(listener.totals, hands)


def to_device(folder: Path, detector: "Detector", actions: list["Action"], *, port: str, baud: int, compare: bool,
              lines: bool, as_json: bool, limit_s: float, save: Path | None, seconds: float | None,
              name: str | None, printer: "FieldPrinter | None") -> None:
    """Listen to a device at a serial port."""
    from kws.cli import remote
    from kws.listen.serial.device import DeviceListener

    events = remote.port_events(port, baud=baud)
    with open_view(detector, f"{folder.name}  ·  {port}", name=port, lines=lines, as_json=as_json,
                   microphone=False, printer=printer) as view:
        hands = make_hands(view, actions, limit_s=limit_s, save=save, about=about_clips(detector, name))
        listener = DeviceListener(detector, view, compare=compare, actions=hands.actions, keeper=hands.keeper,
                                  cost=remote.cost_printer(port, as_json=as_json) if lines and not printer else None,
                                  tell=printer.tell if printer else None)
        remote.run(listener, events, seconds=seconds)
    remote.summarize(listener.totals, hands)
    if compare:
        remote.judge(listener, folder)


def parse_actions(on: list[str], detector: "Detector") -> list["Action"]:
    """The --on options. Raises KwsError for one that cannot work."""
    from kws.engine.decoder import NEVER
    from kws.listen.actions import parse_action

    heard = [label for label, threshold in zip(detector.labels, detector.plan.decoder.thresholds, strict=True)
             if threshold != NEVER]
    return [parse_action(*value.partition(" ")[::2], keywords=heard) for value in on]


def check_writable(folder: Path) -> None:
    """Make the folder that sound is kept in. Raises KwsError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KwsError(f"--save {folder}: {error.strerror}; name a folder that you may write to") from error
    if not os.access(folder, os.W_OK):
        raise KwsError(f"--save {folder}: may not be written; name another folder")


def choose_device(wanted: str | None, directory: Path | None) -> "Device":
    """The microphone to use; the choice is remembered if there is a workspace."""
    from kws.audio.microphone import choose, find_device, list_devices
    from kws.workspace import nearby_workspace

    around = nearby_workspace(directory)
    choice = find_device(wanted, cache=around.cache) if around else choose(list_devices(), wanted=wanted)
    if choice.notice:
        note(choice.notice)
    return choice.device


def open_events(device: "Device", tell: Callable[[str], None]) -> Generator["Event"]:
    """What `device` brings; when it has gone, a device of the same name is looked for."""
    from kws.audio.microphone import Microphone, list_devices, match
    from kws.listen.listener import microphone_events

    return microphone_events(Microphone(device, note=tell),
                             lambda: Microphone(match(list_devices(again=True), device.name), note=tell))


def make_hands(view: "View", actions: list["Action"], *, limit_s: float, save: Path | None, about: dict[str, str],
               ) -> Hands:
    """As the options ask for them."""
    from kws.listen.actions import Actions
    from kws.listen.sound_keeper import Keeper

    return Hands(Actions(actions, note=view.note, limit_s=limit_s) if actions else None,
                 Keeper(save, note=view.note, about=about) if save is not None else None)


def about_clips(detector: "Detector", name: str | None) -> dict[str, str]:
    """What the index of kept sound says of where it comes from."""
    return {"model": detector.plan.fingerprint, **({"device": name} if name else {})}


def make_printer(report_s: float | None, name: str | None, *, as_json: bool) -> "FieldPrinter | None":
    """Who prints for the monitor; None if nobody asked for it."""
    from kws.cli.field import FieldPrinter

    return FieldPrinter(name or platform.node() or "device", as_json=as_json) if report_s is not None else None


def make_listener(detector: "Detector", view: "View", hands: Hands, *, near_misses: bool,
                  reporting: "Reporting | None" = None) -> "Listener":
    """At the microphone."""
    from kws.listen.listener import Listener

    return Listener(detector, view, actions=hands.actions, keeper=hands.keeper, near_misses=near_misses,
                    reporting=reporting)


def shows_blocks(encoding: str) -> bool:
    """Whether a terminal can show what the display is made of."""
    try:
        "▀▴·".encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


@contextlib.contextmanager
def interrupted_by_terminate() -> Iterator[None]:
    """A service manager's request to end is as good as Ctrl-C."""
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def own_stderr() -> Iterator[None]:
    """What PortAudio writes by itself when a device goes would stand in the middle of the display or of a log."""
    from kws.audio.sound_system import quiet_stderr

    with open(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace") as ours:
        with contextlib.redirect_stderr(ours), quiet_stderr():
            yield


@contextlib.contextmanager
def open_view(detector: "Detector", title: str, *, name: str, lines: bool, as_json: bool,
              microphone: bool = True, printer: "FieldPrinter | None" = None) -> Iterator["View"]:
    """Lines or the display; its notes are repeated when it has gone."""
    if lines:
        note(f"listening: {title}")
        yield Lines(name, as_json=as_json, printer=printer)
        return
    from kws.listen.display import Display

    display = Display(detector, title=title, microphone=microphone)
    try:
        with display:
            yield display
    finally:
        for at, message in list(display.notes)[-NOTES_AFTER:]:
            note(f"{at:%H:%M:%S} {message}")


class Lines:
    """A View for logs and pipes: detections on stdout, everything else on stderr."""

    def __init__(self, name: str, *, as_json: bool, printer: "FieldPrinter | None" = None):
        self._name, self._as_json, self._printer = name, as_json, printer
        self._hinted_s = -HINT_EVERY_S

    def hops(self, hops: list["Hop"]) -> None:
        """Nothing to show."""

    def hit(self, hit: "Detection") -> None:
        if self._printer is not None:
            self._printer.hit(self._name, hit)
        else:
            print_hit(self._name, hit, as_json=self._as_json)

    def note(self, message: str) -> None:
        note(message)

    def status(self, status: "Status") -> None:
        """The hint about the level, now and then."""
        if status.hint and status.elapsed_s - self._hinted_s >= HINT_EVERY_S:
            self._hinted_s = status.elapsed_s
            note(status.hint)


def summarize(totals: "Totals", hands: Hands) -> None:
    """What there was, on stderr."""
    note(f"listened for {totals.elapsed_s:.1f} s: {detections(totals)}, {counted(totals.overflows, 'overflow')}, "
         f"{100 * totals.cpu_s / max(totals.elapsed_s, 0.1):.1f} % of one core")
    tell_the_rest(totals, hands, of_them=f" ({counted(totals.near_misses, 'near miss', 'near misses')})")
