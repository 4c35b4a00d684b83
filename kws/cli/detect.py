"""kws detect: streaming detection in files and pipes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.common import CANNOT, DirectoryOption, JsonOption, RunOption, note, print_json, say
from kws.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from kws.detect.detector import Detection, Detector

LONG_S = 60  # files longer than this get a progress bar


def detect(
    audio: Annotated[list[str], typer.Argument(
        metavar="AUDIO", show_default=False,
        help="Audio files of any length, rate and format; - reads a pipe: raw int16 at 16 kHz mono, a WAV stream, or "
             "a file of any format.")],
    run: RunOption = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Detect keywords in audio files or in a pipe.

    A file is heard with a second of quiet before and after it, a pipe of raw samples as it comes.
    Prints each detection as it is made: the time of the decision, the keyword, the score. With --json one object per
    line: {"file", "keyword", "time_s", "score"}.

    Example: kws detect recordings/demo/*.wav
    """
    from kws.detect.detector import load_detector
    from kws.workspace import locate_run

    detector = load_detector(locate_run(run, directory))
    failed = 0
    for name in audio:
        try:
            detect_one(detector, name, as_json=json, with_title=len(audio) > 1)
        except DataError as error:
            note(f"error: {error}")
            failed += 1
    if failed:
        raise typer.Exit(CANNOT)


def detect_one(detector: "Detector", name: str, *, as_json: bool, with_title: bool) -> None:
    """Print the detections in one file. Raises DataError if it cannot be read."""
    from kws.audio.resampling import SAMPLE_RATE_HZ
    from kws.features.frontend import FrontendStream
    from kws.listen.level import FileMeter

    found = heard = 0
    rows, meter = FrontendStream(detector.plan.frontend), FileMeter(detector.plan.frontend)

    def listened(blocks: Iterator["np.ndarray"], advance: Callable[[float], None]) -> Iterator["np.ndarray"]:
        nonlocal heard
        for block in blocks:
            heard += len(block)
            meter.push(block, rows.push(block))
            yield block
            advance(len(block) / SAMPLE_RATE_HZ)

    with open_source(name) as (blocks, advance, is_file):
        if with_title and not as_json:
            say(name)
        watched = listened(blocks, advance)
        for hit in detector.hear_blocks(watched) if is_file else push_all(detector, watched):
            found += 1
            print_hit(name, hit, as_json=as_json)
    if not is_file and heard < detector.window_samples:
        note(f"{name}: is {heard / SAMPLE_RATE_HZ:.2f} s long, too short for a decision: the model listens to "
             f"{detector.window_samples / SAMPLE_RATE_HZ:.2f} s at a time")
    else:
        note(f"{name}: {found} detection{'' if found == 1 else 's'} in {heard / SAMPLE_RATE_HZ:.1f} s")
    if meter.hint:
        note(f"{name}: {meter.hint}")


def push_all(detector: "Detector", blocks: Iterator["np.ndarray"]) -> Iterator["Detection"]:
    """A stream as it comes: nothing before it, nothing behind it."""
    detector.reset()
    for block in blocks:
        yield from detector.push(block)


def print_hit(name: str, hit: "Detection", *, as_json: bool) -> None:
    """One line per detection, at once, so that a pipe sees it when it happens."""
    if as_json:
        print_json({"file": name, "keyword": hit.keyword, "time_s": round(hit.time_s, 4), "score": round(hit.score, 4)})
    else:
        print(f"{hit.time_s:9.2f} s  {hit.keyword:<16} {hit.score:.2f}", flush=True)


@contextmanager
def open_source(name: str) -> Iterator[tuple[Iterator["np.ndarray"], Callable[[float], None], bool]]:
    """(blocks of samples, function to call with the seconds done, whether it has an end) of a file or of a pipe."""
    from kws.audio.reading import open_sound
    from kws.audio.sources import STDIN, open_stdin
    from kws.progress import progress

    if name == STDIN:
        pipe = open_stdin()
        for line in pipe.notices:
            note(line)
        yield pipe.blocks, lambda seconds: None, pipe.is_file
        return
    sound = open_sound(Path(name))
    for line in sound.notices:
        note(line)
    if sound.seconds < LONG_S:
        yield sound.blocks(), lambda seconds: None, True
        return
    with progress(f"{sound.path.name} (s)", total=round(sound.seconds)) as advance:
        yield sound.blocks(), advance, True
