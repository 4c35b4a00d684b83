"""kws detect: streaming detection in files and pipes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kws.cli.common import CANNOT, DirectoryOption, JsonOption, RunOption, note, print_json
from kws.errors import DataError

if TYPE_CHECKING:
    from kws.detect.detector import Detector

LONG_S = 60  # files longer than this get a progress bar


def detect(
    audio: Annotated[list[str], typer.Argument(
        metavar="AUDIO", show_default=False,
        help="Audio files of any length, rate and format; - reads raw int16 at 16 kHz mono from standard input.")],
    run: RunOption = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Detect keywords in audio files or in a pipe.

    Prints each detection as soon as it is made: the time of the decision, the keyword, its score. With --json, one
    object per line: {"file", "keyword", "time_s", "score"}.

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
    """Print the detections in one file. Raises DataError where it cannot be read."""
    from kws.audio.files import SAMPLE_RATE_HZ

    detector.reset()
    found = 0
    with open_source(name) as (blocks, advance):
        if with_title and not as_json:
            print(name)
        for block in blocks:
            for hit in detector.push(block):
                found += 1
                print_hit(name, hit, as_json=as_json)
            advance(len(block) / SAMPLE_RATE_HZ)
    heard_s = detector.heard_samples / SAMPLE_RATE_HZ
    if detector.heard_samples < detector.window_samples:
        note(f"{name}: has {heard_s:.2f} s, too short for a decision: the model listens to "
             f"{detector.window_samples / SAMPLE_RATE_HZ:.2f} s at a time")
    else:
        note(f"{name}: {found} detection{'' if found == 1 else 's'} in {heard_s:.1f} s")


def print_hit(name: str, hit: Any, *, as_json: bool) -> None:
    """One line per detection, at once, so that a pipe sees it when it happens."""
    if as_json:
        print_json({"file": name, "keyword": hit.keyword, "time_s": round(hit.time_s, 4), "score": round(hit.score, 4)})
    else:
        print(f"{hit.time_s:9.2f} s  {hit.keyword:<16} {hit.score:.2f}", flush=True)


@contextmanager
def open_source(name: str) -> Iterator[tuple[Any, Any]]:
    """(blocks of samples, function to call with the seconds done) of a file or of standard input."""
    from kws.audio.sources import STDIN, open_audio, stdin_blocks
    from kws.progress import progress

    if name == STDIN:
        yield stdin_blocks(), lambda seconds: None
        return
    with open_audio(Path(name)) as source:
        if source.notice:
            note(source.notice)
        if source.seconds < LONG_S:
            yield source.blocks, lambda seconds: None
            return
        with progress(f"{source.path.name} (s)", total=round(source.seconds)) as advance:
            yield source.blocks, advance
