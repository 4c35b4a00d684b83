"""kws record: a guided recording session at the microphone."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.common import DirectoryOption, counted, note, workspace
from kws.errors import DataError, KwsError
from kws.words import normal
from kws.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

    from kws.audio.microphone import Device, Microphone
    from kws.data.quality import Verdict
    from kws.record.recorder import Recorder, Screen, Session
    from kws.record.takes import Takes

NOISE_S = 60.0


def record(
    speaker: Annotated[str, typer.Option("--speaker", metavar="NAME", show_default=False,
                                         help="Who speaks: letters, digits, . - and _; decides the split.")],
    words: Annotated[list[str] | None, typer.Argument(
        metavar="WORD", help="Words to record. Default: the keywords of kws.toml.", show_default=False)] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=10_000, metavar="N",
                                       help="Takes of each word that this speaker is to have in the end.")] = 20,
    device: Annotated[str | None, typer.Option(
        "--device", metavar="D", show_default=False,
        help="Number, name or part of the name of the microphone; remembered. Default: the last one, or the system's.",
    )] = None,
    noise: Annotated[bool, typer.Option("--noise", help="Record background noise instead of words.")] = False,
    continuous: Annotated[bool, typer.Option(
        "--continuous", help="Say the words freely in one long take, which is cut up afterwards.")] = False,
    file: Annotated[Path | None, typer.Option(
        "--from", metavar="FILE", show_default=False, help="Cut up a recording instead of using the microphone.",
    )] = None,
    seconds: Annotated[float | None, typer.Option(
        "--seconds", min=1, max=3_600, metavar="S", show_default=False,
        help="Length of --noise (default: 60) or --continuous (default: until a key or Ctrl-C).")] = None,
    source: Annotated[str, typer.Option("--source", metavar="NAME", help="Folder under recordings/.")] = "own",
    countdown: Annotated[float, typer.Option("--countdown", min=0.1, max=10, metavar="SECONDS",
                                             help="Pause between a take and the next prompt.")] = 1.5,
    plain: Annotated[bool, typer.Option("--plain", help="Lines only: no meter, no keys.")] = False,
    directory: DirectoryOption = None,
) -> None:
    """Record words at the microphone, each take checked at once; run the same command again to continue.

    Keys: s skip, u undo, p pause, r replay, q quit. Every accepted take is on the disk at once, in
    recordings/SOURCE/WORD/, where training finds it.

    Example: kws record yes no stop --speaker anna --count 20
    """
    from kws.cli.terminal import is_interactive
    from kws.record.takes import check_words

    place = workspace(directory)
    chosen = tuple(dict.fromkeys(map(normal, words or place.spec.keywords)))
    check_words(chosen)
    cutting = continuous or file is not None
    if noise + continuous + (file is not None) > 1:
        raise typer.BadParameter("--noise, --continuous and --from cannot be combined")
    if cutting and len(chosen) > 1 and not is_interactive(plain=plain):
        raise typer.BadParameter("without a terminal to review the takes, --continuous and --from accept one word")
    if cutting and len(chosen) > 9:
        raise typer.BadParameter("--continuous and --from accept at most nine words")
    if file is not None:
        from_file(place, file, chosen, speaker=speaker, source=source, plain=plain)
        return
    with session_at(place, device=device, speaker=speaker, source=source, countdown=countdown, plain=plain) as recorder:
        if noise:
            record_noise(recorder, seconds=seconds or NOISE_S)
        elif continuous:
            record_freely(recorder, chosen, seconds=seconds)
        else:
            guided(place, recorder, chosen, count=count)


@contextlib.contextmanager
def session_at(place: Workspace, *, device: str | None, speaker: str, source: str, countdown: float,
               plain: bool) -> Iterator["Recorder"]:
    """A recorder on the microphone, with the screen that fits."""
    from kws.audio.microphone import Microphone
    from kws.cli.terminal import open_screen, player
    from kws.data.corpus import source_folder
    from kws.record.recorder import Recorder
    from kws.record.takes import Takes

    folder = source_folder(place.recordings, source)
    with (Microphone(pick(place, device, plain=plain), note=note) as microphone, open_screen(plain=plain) as screen):
        takes = Takes(folder, speaker=speaker, device=microphone.device.name, rate_hz=microphone.rate_hz)
        try:
            yield Recorder(microphone, screen, takes, samples=place.spec.frontend.imported_samples,
                           countdown_s=countdown, clock=now, play=player(screen))
        finally:
            tell_overflows(microphone, screen)


def pick(place: Workspace, wanted: str | None, *, plain: bool) -> "Device":
    """The microphone; a person who has not chosen yet is asked if there are several."""
    from kws.audio.microphone import find_device, list_devices, recall
    from kws.cli.terminal import is_interactive

    devices = list_devices()
    for device in devices:
        note(f"device {device}")
    if wanted is None and len(devices) > 1 and recall(place.cache) is None and is_interactive(plain=plain):
        usual = next((device for device in devices if device.default), devices[0])
        wanted = typer.prompt("which device", default=str(usual.index), err=True)
    choice = find_device(wanted, cache=place.cache)
    if choice.notice:
        note(choice.notice)
    note(f"recording from {choice.device.name}; another one: --device NAME")
    return choice.device


def now() -> datetime:
    """The time that a take is noted with."""
    return datetime.now(UTC)


def tell_overflows(microphone: "Microphone", screen: "Screen") -> None:
    """Never hide that sound was lost."""
    if microphone.overflows:
        screen.line(f"sound was lost {microphone.overflows} times, because this machine was too busy; no word with a "
                    "gap was kept, unless it comes from a long take")


def guided(place: Workspace, recorder: "Recorder", words: tuple[str, ...], *, count: int) -> None:
    """Prompt until each word has `count` takes; ends with the summary, however it ends."""
    import numpy as np

    from kws.record.recorder import KEYS, Session

    session = Session({word: recorder.takes.count(word) for word in words}, count=count, rng=np.random.default_rng())
    if session.word is None:
        note(f"{recorder.takes.speaker} has {count} takes of each word already; for more: --count {count * 2}")
        summary(place, recorder.takes, session, recorder.screen)
        return
    try:
        recorder.measure_room()
        recorder.screen.line(f"say each word once when it appears; keys: {KEYS}")
        recorder.run(session)
    finally:
        summary(place, recorder.takes, session, recorder.screen)


def summary(place: Workspace, takes: "Takes", session: "Session", screen: "Screen") -> None:
    """What was recorded and refused, on stdout."""
    screen.clear()
    words = Counter(word for word, _ in session.done)
    listed = ", ".join(f"{word} {number}" for word, number in sorted(words.items())) or "none"
    print(f"{takes.folder}: {counted(len(session.done), 'take')} ({listed})")
    if session.refused:
        print("refused: " + ", ".join(f"{fault.value} {number}" for fault, number in session.refused.most_common()))
    if session.waiting:
        print(f"still to say: {len(session.waiting)}; run the same command again to continue")
    tell_missing(place, takes)


def tell_missing(place: Workspace, takes: "Takes") -> None:
    """Which split the speaker is in, and what kws.toml still asks for."""
    from kws.data.corpus import scan, split_of
    from kws.data.stats import measure

    print(f"{takes.speaker}'s takes belong to the {split_of(takes.speaker)} split")
    try:
        measured = measure(scan(place.recordings), place.spec)
    except KwsError as error:
        note(str(error))
        return
    missing = [f"{requirement.name.replace('_per_word', ' of')}: {requirement.limit - (requirement.measured or 0):.0f} "
               "more" for requirement in measured.requirements if not requirement.holds]
    if missing:
        print("still missing for kws.toml: " + "; ".join(missing))
    else:
        print("each word has the clips and speakers that kws.toml asks for")


def record_noise(recorder: "Recorder", *, seconds: float) -> None:
    """Background noise into _background_noise_/."""
    from kws.audio.endpoint import noise_level
    from kws.audio.resampling import SAMPLE_RATE_HZ
    from kws.data.corpus import NOISE

    recorder.screen.line(f"recording {seconds:.0f} s of background noise: no words, please; any key ends it")
    audio = recorder.record("noise", seconds=seconds, any_key_ends=True)
    if not audio.any():
        raise DataError("nothing but digital silence was heard; is this the right microphone, and is it on? "
                        "choose another with --device")
    recorder.screen.clear()
    level_db = noise_level(audio)
    path = recorder.takes.add(NOISE, audio, level_db=level_db, noise_db=level_db, now=now())
    print(f"{path}: {len(audio) / SAMPLE_RATE_HZ:.1f} s at {level_db:.0f} dB of full scale")


def record_freely(recorder: "Recorder", words: tuple[str, ...], *, seconds: float | None) -> None:
    """One long take, cut apart."""
    recorder.screen.line(f"say {' or '.join(words)} as often as you like, with a pause of half a second between; "
                         "any key or Ctrl-C ends the take")
    overflows = recorder.source.overflows
    audio = recorder.record("recording", seconds=seconds, any_key_ends=True)
    if recorder.source.overflows > overflows:
        recorder.screen.line("sound was lost in this take: listen to every clip in the review")
    keep(recorder.takes, audio, words, recorder.screen, samples=recorder.samples, play=recorder.play)


def from_file(place: Workspace, file: Path, words: tuple[str, ...], *, speaker: str, source: str, plain: bool) -> None:
    """A recording of any rate and format, cut apart."""
    from kws.audio.files import whole
    from kws.audio.reading import open_sound
    from kws.cli.terminal import open_screen, player
    from kws.data.corpus import source_folder
    from kws.record.takes import Takes

    sound = open_sound(file)
    for line in sound.notices:
        note(line)
    audio = whole(sound)
    takes = Takes(source_folder(place.recordings, source), speaker=speaker, device=f"file {file.name}",
                  rate_hz=sound.rate_hz)
    with open_screen(plain=plain) as screen:
        keep(takes, audio, words, screen, samples=place.spec.frontend.imported_samples, play=player(screen),
             from_file=True)


def keep(takes: "Takes", audio: "np.ndarray", words: tuple[str, ...], screen: "Screen", *,
         samples: int, play: "Callable[[np.ndarray], None]", from_file: bool = False) -> None:
    """Cut a long recording apart, review it, write what is kept; of a file, what was kept before is known."""
    from kws.audio.resampling import SAMPLE_RATE_HZ
    from kws.record.recorder import cut_apart, review
    from kws.record.takes import origin_of

    found = cut_apart(audio, samples=samples)
    if not found:
        raise DataError(f"no word was found in {len(audio) / SAMPLE_RATE_HZ:.1f} s; is the recording loud enough?")
    def origin(verdict: "Verdict") -> str:
        assert verdict.utterance is not None  # it was cut apart there
        return origin_of(audio, verdict.utterance.start) if from_file else ""

    origins = [origin(verdict) for verdict in found]
    known = takes.origins() & set(origins)
    if known:
        screen.line(f"{len(known)} of {len(found)} words in this file were kept before; they are left as they are")
        found = [verdict for verdict, place in zip(found, origins, strict=True) if place not in known]
    kept = review(found, screen, words, play=play)
    for word, verdict in kept:
        assert verdict.clip is not None
        takes.add(word, verdict.clip, level_db=verdict.level_db, noise_db=verdict.noise_db, now=now(),
                  origin=origin(verdict))
    screen.clear()
    counts = Counter(word for word, _ in kept)
    listed = ", ".join(f"{word} {number}" for word, number in sorted(counts.items())) or "none"
    print(f"{takes.folder}: {counted(len(kept), 'take')} ({listed}), {len(found) - len(kept)} of {len(found)} dropped")
