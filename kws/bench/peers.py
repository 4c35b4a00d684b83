"""Detectors of others beside a run of ours on the same sound: microWakeWord and openWakeWord, as they are shipped.

    scripts/bench peers RUN DATA OUT [--word alexa] [--hours 1]

RUN   a run that knows the word, none of whose takes are by the people who test (scripts/bench own_word)
DATA  the real recordings, unpacked: wake_words/<word>/ and negatives/, sentences/
OUT   stream.wav with stream.csv, talk/, and one .jsonl of detections for each peer; what is there is not made again

The stream holds every recording of the word by strangers (the half that `recordings_of` keeps from training), each in
soft noise. The talk is the test side of the repository's split: eight readers, French, and ten languages. A peer hears
the sound as it comes from a microphone, in pieces of 80 ms, and reports above the threshold that it is shipped with.
The table is that of `kws compare RUN --detections …`. Peers that are not installed are named and left out:
pip install 'kws[peers]'.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples, write_audio
from kws.bench.common import header, parser
from kws.bench.transfer import recordings_of
from kws.data.scene import speech_in
from kws.data.truth import Event, write_truth
from kws.files import write_atomic

PIECE = 1_280  # samples that a peer is given at a time, 80 ms: openWakeWord's step
GAP_S, NOISE_RMS = 1.5, 20.0
TEST_LANGUAGES = 10  # the last ones by name
OPEN_THRESHOLD = 0.5  # that of its own command line
Score = Callable[[np.ndarray], Iterable[float]]  # int16 [PIECE] -> scores that are due


def main(arguments: Sequence[str]) -> int:
    options = parser(__doc__)
    options.add_argument("run", type=Path)
    options.add_argument("data", type=Path)
    options.add_argument("out", type=Path)
    options.add_argument("--word", default="alexa")
    options.add_argument("--hours", type=float, default=1.0, help="of talk")
    chosen = options.parse_args(arguments)
    header(chosen.run.name)
    stream, talk = chosen.out / "stream.wav", chosen.out / "talk"
    if not stream.with_suffix(".csv").exists():
        write_stream(recordings_of(chosen.word, chosen.data)[1], stream, chosen.word)
    if not talk.exists():
        link_talk(talk_of(chosen.data), talk, chosen.hours)
    found = []
    for name, (package, start) in PEERS.items():
        target = chosen.out / f"{name}.jsonl"
        if find_spec(package) is None and not target.exists():
            print(f"{name}: left out, {package} is not installed; pip install 'kws[peers]'")
            continue
        if not target.exists():
            hear_all(target, chosen.word, start, stream, talk)
        found.append(target)
    compare(chosen.run, stream, talk, found)
    return 0


def write_stream(recordings: Sequence[Path], target: Path, word: str) -> None:
    """Every recording after a gap, all of it over soft noise; the truth beside it."""
    rng, parts, events, at = np.random.default_rng(1), [], [], 0
    gap = round(GAP_S * SAMPLE_RATE_HZ)
    for path in recordings:
        audio = read_samples(path)
        start, end = speech_in(audio)
        events.append(Event((at + gap + start) / SAMPLE_RATE_HZ, (at + gap + end) / SAMPLE_RATE_HZ, word))
        parts += [np.zeros(gap, np.int16), audio]
        at += gap + len(audio)
    whole = np.concatenate([*parts, np.zeros(gap, np.int16)])
    noise = rng.normal(0, NOISE_RMS, len(whole))
    write_audio(target, np.clip(np.rint(whole + noise), -32768, 32767).astype(np.int16))
    write_truth(target.with_suffix(".csv"), events)


def talk_of(data: Path) -> list[Path]:
    """The test side: eight readers, French, the last ten languages; taken in turns, so that a part of it is of all."""
    talk = data / "negatives"
    languages = sorted(path for path in (talk / "languages").iterdir() if path.is_dir())[-TEST_LANGUAGES:]
    sources = [sorted((talk / "read_en").glob("*.wav")), sorted((talk / "fr").glob("*.wav")),
               sorted(path for folder in languages for path in folder.rglob("*.wav"))]
    shares = [np.linspace(0, 1, len(source), endpoint=False) for source in sources]
    order = sorted(zip(np.concatenate(shares), itertools.chain(*sources), strict=True))
    return [path for _, path in order]


def link_talk(paths: Sequence[Path], folder: Path, hours: float) -> None:
    """Links to so many hours, each under the name of the folder above it too."""
    folder.mkdir(parents=True)
    seconds = 0.0
    for path in paths:
        if seconds >= hours * 3600:
            break
        seconds += len(read_samples(path)) / SAMPLE_RATE_HZ
        (folder / f"{path.parent.name}-{path.name}").symlink_to(path.resolve())


def micro_wake_word(word: str) -> tuple[Score, float]:
    """Scores of microWakeWord's shipped network and its threshold."""
    from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model

    features, network = MicroWakeWordFeatures(), MicroWakeWord.from_builtin(Model(word))
    rows = itertools.count(1)

    def score(piece: np.ndarray) -> Iterator[float]:
        for row in features.process_streaming(piece.tobytes()):
            value = network.process_streaming_prob(row)
            if next(rows) % network.stride == 0 and value is not None:  # it gives 0 while it gathers rows
                yield value
    return score, float(network.probability_cutoff)


def open_wake_word(word: str) -> tuple[Score, float]:
    """Scores of openWakeWord's shipped network, and the threshold of its command."""
    from pyopen_wakeword import Model, OpenWakeWord, OpenWakeWordFeatures

    features, network = OpenWakeWordFeatures.from_builtin(), OpenWakeWord.from_builtin(Model(word))

    def score(piece: np.ndarray) -> Iterator[float]:
        for row in features.process_streaming(piece.tobytes()):
            yield from network.process_streaming(row)
    return score, OPEN_THRESHOLD


PEERS: dict[str, tuple[str, Callable[[str], tuple[Score, float]]]] = {
    "microWakeWord": ("pymicro_wakeword", micro_wake_word), "openWakeWord": ("pyopen_wakeword", open_wake_word)}


def hear_all(target: Path, word: str, start: Callable[[str], tuple[Score, float]], stream: Path, talk: Path) -> None:
    """What a peer reports in the stream and in the talk, as lines of `kws compare --detections`."""
    lines, began, seconds = [], time.process_time(), 0.0
    for files in ([stream], sorted(talk.iterdir())):
        score, threshold = start(word)
        blocks = [read_samples(path) for path in files]
        starts = np.cumsum([0, *map(len, blocks)]) / SAMPLE_RATE_HZ
        seconds += float(starts[-1])
        for time_s, value in rises(score, threshold, np.concatenate(blocks)):
            place = int(np.searchsorted(starts, time_s, side="right")) - 1
            lines.append({"file": files[place].name, "keyword": word, "time_s": round(time_s - float(starts[place]), 3),
                          "score": round(value, 4)})
    write_atomic(target, "".join(json.dumps(line) + "\n" for line in lines))
    spent = time.process_time() - began
    print(f"{target.stem}: {len(lines)} detections in {seconds / 3600:.2f} hours, {seconds / spent:.1f} seconds of "
          "sound per second of processor time", flush=True)


def rises(score: Score, threshold: float, audio: np.ndarray) -> Iterator[tuple[float, float]]:
    """(time of the decision in s, score) wherever the score passes the threshold from below."""
    above = False
    for end in range(PIECE, len(audio) + 1, PIECE):
        for value in score(audio[end - PIECE:end]):
            if value > threshold and not above:
                yield end / SAMPLE_RATE_HZ, value
            above = value > threshold


def compare(run: Path, stream: Path, talk: Path, detections: Sequence[Path]) -> None:
    """The table of `kws compare`."""
    from kws.validate.compare import differences
    from kws.validate.compare_text import difference_line, table
    from kws.validate.contenders import common_sound, of_detections, of_run

    sound = common_sound(clips=None, stream=stream, truth=None, negatives=[talk])
    found = [of_run(run, sound), *(of_detections(path, run, sound) for path in detections)]
    print("\n" + table(found) + "\n\n" + "\n".join(map(difference_line, differences(found))))
