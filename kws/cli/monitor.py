"""kws monitor: what deployed detectors heard, judged, labelled and led back into training."""

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.common import (
    REQUIREMENT_NOT_MET,
    Commands,
    DirectoryOption,
    JsonOption,
    RunOption,
    note,
    print_json,
    workspace,
)
from kws.errors import KwsError

if TYPE_CHECKING:
    from kws.monitor.baseline import Baseline
    from kws.monitor.ingest import Counts
    from kws.monitor.store import Store

app = typer.Typer(cls=Commands, rich_markup_mode=None, no_args_is_help=True,
                  help="What deployed detectors heard: take it in, judge it, learn from it.")
StoreOption = Annotated[Path | None, typer.Option(
    "--store", metavar="FILE", show_default=False, help="The store. Default: field/monitor.db in the workspace.")]
DeviceOption = Annotated[str | None, typer.Option("--device", metavar="NAME", show_default=False,
                                                  help="Only this device.")]
DaysOption = Annotated[int, typer.Option("--days", metavar="N", min=1, max=365,
                                         help="How many of the last days count.")]
DAY_MS = 86_400_000


def opened(store: Path | None, directory: Path | None) -> "Store":
    """The store that the options name."""
    from kws.monitor.store import FOLDER, NAME, Store

    return Store(store or workspace(directory).root / FOLDER / NAME)


@app.command()
def ingest(
    files: Annotated[list[str] | None, typer.Argument(
        metavar="FILE", show_default=False, help="Logs, JSON lines, kept.jsonl; - for what is piped in.")] = None,
    device: Annotated[str | None, typer.Option(
        "--device", metavar="NAME", show_default=False,
        help="The device that the lines come from, if they do not say so. Default: the file's name.")] = None,
    mqtt: Annotated[str | None, typer.Option(
        "--mqtt", metavar="URL", show_default=False,
        help="mqtt://[USER@]HOST[:PORT]: take in what devices publish, until Ctrl-C. Password: KWS_MQTT_PASSWORD."
    )] = None,
    topic: Annotated[str, typer.Option("--topic", metavar="TOPIC", help="With --mqtt: the last level names the device.",
                                       )] = "kws/#",
    seconds: Annotated[float | None, typer.Option("--seconds", metavar="S", min=0.1, show_default=False,
                                                  help="With --mqtt: end after this time.")] = None,
    keep_days: Annotated[float | None, typer.Option("--keep-days", metavar="N", min=0.0, show_default=False,
                                                    help="Afterwards, delete what is older than N days.")] = None,
    json: JsonOption = False,
    store: StoreOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Take in what devices printed or published. Reading the same lines again changes nothing.

    Example: kws monitor ingest kitchen.log hall/kept.jsonl
    """
    from kws.monitor.ingest import ingest_file, ingest_lines
    from kws.monitor.mqtt import added, broker_of, ingest_mqtt

    if bool(files) == (mqtt is not None):
        raise typer.BadParameter("name files (- for standard input), or a broker with --mqtt", param_hint="FILE")
    with opened(store, directory) as into:
        counts: list[Counts] = []
        if mqtt is not None:
            counts.append(ingest_mqtt(into, broker_of(mqtt), topic=topic, seconds=seconds))
        for name in files or []:
            if name == "-":
                lines = iter(sys.stdin.buffer.readline, b"")
                counts.append(ingest_lines(into, lines, device=device or "stdin", live=True))
            else:
                counts.append(ingest_file(into, Path(name), device=device))
        if keep_days is not None:
            tell_forgotten(into, keep_days=keep_days)
    total = added(counts)
    if json:
        print_json(vars(total))
    else:
        print(f"{total.lines:,} lines: {total.new:,} new, {total.known:,} known already, {total.malformed:,} "
              f"malformed, {total.other:,} other")


@app.command()
def report(
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", show_default=False,
                                             help="The page. Default: field/report.html in the workspace.")] = None,
    days: DaysOption = 7,
    run: RunOption = None,
    store: StoreOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Write a page on what the detectors heard: detections, drift, silent devices, models before and after.

    Example: kws monitor report --out report.html
    """
    from kws.export.numbers import model_names
    from kws.files import write_atomic
    from kws.monitor.reading import now_ms
    from kws.monitor.report import monitor_report

    place = workspace(directory)
    path = out or place.root / "field" / "report.html"
    with opened(store, directory) as known:
        write_atomic(path, monitor_report(known, place.spec.requirements, now_ms=now_ms(),
                                          baselines=baselines(known, run, directory), names=model_names(place.models),
                                          days=days))
    print(path)


@app.command()
def check(
    days: DaysOption = 7,
    run: RunOption = None,
    json: JsonOption = False,
    store: StoreOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Check deployed devices, from a timer: exit status 3 if a requirement is not met or something has changed.

    Example: kws monitor check --days 14
    """
    from kws.monitor.judge import judge
    from kws.monitor.reading import now_ms

    place = workspace(directory)
    with opened(store, directory) as known:
        findings = judge(known, place.spec.requirements, now_ms=now_ms(), baselines=baselines(known, run, directory),
                         days=days)
    wrong = [finding for finding in findings if not finding.holds]
    compared = {finding.device for finding in findings if finding.name == "scores"}
    for device in sorted({finding.device for finding in findings} - compared):
        note(f"{device}: not compared: it has not run for a week with this model yet; kws monitor baseline AUDIO "
             "gives it a reference")
    if json:
        print_json({"findings": [finding.to_json() for finding in findings]})
    else:
        for finding in wrong:
            print(f"{finding.device}: {finding.text}\n    {finding.cure}")
        if not findings:
            note("no device has reported yet: kws monitor ingest takes in what kws listen --report and devices print")
        else:
            print(f"{len(findings) - len(wrong)} of {len(findings)} checks passed")
    if wrong:
        raise typer.Exit(REQUIREMENT_NOT_MET)


@app.command()
def label(
    device: DeviceOption = None,
    page: Annotated[bool, typer.Option("--page", help="In a browser instead of the terminal.")] = False,
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65_535,
                                      help="With --page: port of the server; 0 picks a free one.")] = 0,
    set_: Annotated[list[str] | None, typer.Option(
        "--set", metavar="CLIP=LABEL", show_default=False,
        help="Label a clip by its number: true, false, skip, or the word that was said.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Only list the clips and their labels.")] = False,
    json: JsonOption = False,
    store: StoreOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Listen to the clips that devices kept, one by one, and label them.

    Example: kws monitor label --page
    """
    from kws.monitor.clips import clips, set_label

    with opened(store, directory) as known:
        for value in set_ or []:
            number, _, given = value.partition("=")
            if not number.isdigit():
                raise typer.BadParameter(f"{value!r}: must be CLIP=LABEL", param_hint="--set")
            set_label(known, int(number), given)
        if list_:
            for clip in clips(known, device=device):
                if json:
                    print_json({"clip": clip.id, "device": clip.device, "file": str(clip.path), "keyword": clip.word,
                                "near_miss": clip.near, "label": clip.label})
                else:
                    print(f"{clip.id:6}  {clip.label or '-':<12} {clip.device}  {clip.word}"
                          f"{' (near miss)' if clip.near else ''}  {clip.path}")
        elif page:
            serve(known, device=device, port=port)
        elif not set_:
            in_terminal(known, device=device)


def serve(store: "Store", *, device: str | None, port: int) -> None:
    """The page, until Ctrl-C."""
    from kws.monitor.label_page import LabelServer

    with LabelServer(store, device=device, port=port) as server:
        print(server.url, flush=True)
        note("open it in a browser on this computer; Ctrl-C ends")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            note("ended; next: kws monitor promote")


def in_terminal(store: "Store", *, device: str | None) -> None:
    """Clips in the terminal. Raises KwsError if there is none."""
    from kws.audio.files import read_samples
    from kws.audio.microphone import play
    from kws.cli.terminal import is_interactive, open_screen
    from kws.monitor.labelling import Labeller, label_in_terminal

    labeller = Labeller(store, device=device)
    if labeller.current is None:
        print("no clips to label")
        return
    if not is_interactive(plain=False):
        raise KwsError("labelling needs a terminal; use --page, or --set CLIP=LABEL")
    with open_screen(plain=False) as screen:
        def play_or_tell(path: Path) -> None:
            try:
                play(read_samples(path))
            except KwsError as error:
                screen.line(str(error))

        label_in_terminal(labeller, screen, play=play_or_tell, read_word=lambda: typed_word(screen))
    print(f"{labeller.done} labelled, {len(labeller.waiting)} left; next: kws monitor promote")


def typed_word(screen: "object") -> str:
    """A word and Return, key by key."""
    from kws.cli.terminal import LiveScreen

    word = ""
    while isinstance(screen, LiveScreen):
        key = screen.ask(f"the word that was said: {word}", "\nabcdefghijklmnopqrstuvwxyz0123456789'-_\x7f\b")
        if key == "\n":
            break
        word = word[:-1] if key in "\x7f\b" else word + key
    return word


@app.command()
def promote(
    source: Annotated[str, typer.Option("--source", metavar="NAME", help="Folder under recordings/ to put them in.",
                                        )] = "field",
    store: StoreOption = None,
    directory: DirectoryOption = None,
) -> None:
    """File labelled clips under recordings/, with the device as speaker, so that the next training learns from them.

    Example: kws monitor promote
    """
    from kws.monitor.clips import promote as promote_clips

    with opened(store, directory) as known:
        done = promote_clips(known, workspace(directory).recordings, source=source)
    words = ", ".join(f"{word} {count}" for word, count in sorted(done.words.items())) or "nothing"
    missing = f"; {done.missing} clips are gone" if done.missing else ""
    print(f"{done.folder}: {words}{missing}; next: kws run")


@app.command()
def baseline(
    audio: Annotated[list[Path], typer.Argument(metavar="AUDIO", show_default=False,
                                                help="Recordings of a place in its normal state; an hour or more.")],
    run: RunOption = None,
    store: StoreOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Measure a run on recordings, as the reference for its devices instead of their first week.

    Example: kws monitor baseline kitchen-monday.wav
    """
    from kws.audio.files import read_samples
    from kws.detect.detector import load_detector
    from kws.monitor.baseline import measure_baseline
    from kws.workspace import locate_run

    plan = load_detector(locate_run(run, directory)).plan
    names = ", ".join(path.name for path in audio[:3]) + (" and more" if len(audio) > 3 else "")
    measured = measure_baseline(plan, (read_samples(path) for path in audio), source=names, continuous=True)
    with opened(store, directory) as known, known.writing():
        known.db.execute("INSERT OR REPLACE INTO baselines VALUES (?, ?)",
                         (plan.fingerprint, json_module.dumps(measured.to_json())))
    print(f"model {plan.fingerprint}: {measured.hours:.2f} hours of {names}, "
          f"{sum(measured.detections) / measured.hours:.2f} detections per hour")


@app.command()
def forget(
    device: DeviceOption = None,
    keep_days: Annotated[float | None, typer.Option("--keep-days", metavar="N", min=0.0, show_default=False,
                                                    help="Delete what is older than N days.")] = None,
    store: StoreOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Delete everything about a device, or everything old, clips included. What was promoted stays in recordings/.

    Example: kws monitor forget --keep-days 30
    """
    if (device is None) == (keep_days is None):
        raise typer.BadParameter("name a device with --device, or an age with --keep-days", param_hint="forget")
    with opened(store, directory) as known:
        tell_forgotten(known, device=device, keep_days=keep_days)


def tell_forgotten(store: "Store", *, device: str | None = None, keep_days: float | None = None) -> None:
    """Forget, and say what."""
    from kws.monitor.clips import remove
    from kws.monitor.reading import now_ms

    paths = (store.forget_device(device) if device is not None
             else store.forget_before(now_ms() - round((keep_days or 0.0) * DAY_MS)))
    what = f"all of {device}" if device is not None else f"what is older than {keep_days:g} days"
    note(f"forgotten: {what}; {remove(paths)} clips deleted")


def baselines(store: "Store", run: str | None, directory: Path | None) -> "dict[str, Baseline]":
    """By model: those of the runs of the workspace, and over them those that were measured for the field."""
    from kws.monitor.field_data import stored_baselines
    from kws.monitor.runs import baselines_of_runs
    from kws.workspace import find_run

    place = workspace(directory)
    only = find_run(run, place.models) if run else None
    return {**baselines_of_runs(place.models, only=only), **stored_baselines(store)}
