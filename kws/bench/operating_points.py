"""Curves and operating points of runs on speakers and talk that neither training nor calibration has heard.

    scripts/bench operating_points [--run RUN]... [--target F]... [--softmax FACTOR] DATA

DATA: what unpack.py of the shared recordings writes. Choosing hears validation speakers (Speech Commands), sentences of
the validation speakers with accents, three readers and the orders; the figures hear testing speakers, sentences of the
testing speakers, other readers, French, and ten languages. Prints, for each run: false alarms per hour by language and
misses clean, at 20 and at 10 dB, as the run is and calibrated for each target; and the seconds per hour.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.audio.files import is_audio, read_samples
from kws.bench.common import ROOT, header, parser, print_table
from kws.calibrate.run import choose_and_check
from kws.calibrate.sound import Sound
from kws.calibrate.thresholds import Target
from kws.data.corpus import SPLITS, Clip, speaker_of, split_of
from kws.data.scene import KEYWORD, UNKNOWN, SceneSettings, build_scene, shuffled
from kws.data.scene import Sound as Spoken
from kws.data.transcripts import read_transcripts
from kws.detect.detector import Detector, load_detector
from kws.engine.decoder import DecoderTables
from kws.engine.graph import read_graph
from kws.engine.streaming import lower
from kws.model.augment import read_noise
from kws.validate.curves import at_rate, curve
from kws.validate.negatives import NegativeSource, files_below, hear_source, judge_negatives
from kws.validate.streams import LabelledTrack
from kws.validate.track import hear

INFINITE = float("inf")
STREAMS = {"5 to 30 dB": (5.0, 30.0), "clean": (INFINITE, INFINITE), "20 dB": (20.0, 20.0), "10 dB": (10.0, 10.0)}
PER_WORD, OTHERS = 70, 250
RATES = (50.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5)


@dataclass(frozen=True, eq=False)
class Heard:
    """One split: streams by their name, talk."""

    streams: dict[str, LabelledTrack]
    talk: list[NegativeSource]


def main(arguments: Sequence[str]) -> int:
    options = parser(__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("--run", type=Path, action="append")
    options.add_argument("--target", type=float, action="append")
    options.add_argument("--softmax", type=float, default=1.0, help="factor of the softmax's input: less saturated")
    chosen = options.parse_args(arguments)
    header(f"{PER_WORD} utterances of each keyword and {OTHERS} other words per stream")
    for run in chosen.run or [ROOT / "models" / "commands", ROOT / "models" / "small"]:
        report(run, chosen.data, chosen.target or [], softmax=chosen.softmax)
    return 0


def softened(run: Path, factor: float) -> Detector:
    """The run's detector, the input of whose softmax is multiplied: below 1 its scores saturate later."""
    plan = load_detector(run).plan
    if factor == 1.0:
        return Detector(plan)
    graph = read_graph((run / "model.tflite").read_bytes())
    layers = tuple(replace(layer, options={**layer.options, "Beta": factor}) if layer.op == "SOFTMAX" else layer
                   for layer in graph.layers)
    return Detector(replace(plan, program=lower(replace(graph, layers=layers))))


def report(run: Path, data: Path, targets: Sequence[float], *, softmax: float) -> None:
    """Everything about one run."""
    detector = softened(run, softmax)
    start = time.process_time()
    heard = {split: hear_split(detector, data, split) for split in SPLITS[1:]}
    hours = sum(one.track.hours for part in heard.values() for one in part.streams.values())
    hours += sum(one.track.hours for part in heard.values() for one in part.talk)
    print(f"\n{run.name}: {(time.process_time() - start) / hours:.2f} s of one core per hour, streams made included")
    test = heard["testing"]
    points: list[tuple[str, DecoderTables]] = [("as it is", detector.plan.decoder)]
    for per_hour in targets:
        found = choose_and_check(detector, Target(per_hour), sound_of(detector, heard["validation"]), (),
                                 sound_of(detector, test), ())
        points.append((f"calibrated for {per_hour:g} per hour", found.tables))
        print(f"calibrated for {per_hour:g} per hour: {found.verdict.text}")
    print_table(["operating point", *(f"missed, {name}" for name in test.streams),
                 *(f"per hour, {source.name} ({source.hours:.2f} h)" for source in test.talk), "all"],
                (row(name, tables, test) for name, tables in points))
    swept = curve(test.streams["clean"], test.talk, points[-1][1])
    print_table(["false alarms per hour, at most", "missed, clean", "measured per hour"],
                ([f"{rate:g}", percent(one.miss_rate, one.miss_interval),
                  f"{one.per_hour:.2f} ({one.interval[0]:.2f} to {one.interval[1]:.2f})"]
                 for rate in RATES if (one := at_rate(swept, rate))))


def row(name: str, tables: DecoderTables, test: Heard) -> list[str]:
    """Misses of each stream and false alarms of each source."""
    cells = [name]
    for track in test.streams.values():
        found = track.judge(tables)
        cells.append(percent(found.miss_rate or 0.0, found.miss_interval))
    judged = judge_negatives(test.talk, tables)
    for count in (*judged.per_source.values(), judged.total):
        cells.append(f"{count.false_alarms / count.hours:.1f}")
    return [*cells[:-1], f"{judged.per_hour:.2f} ({judged.interval[0]:.2f} to {judged.interval[1]:.2f})"]


def percent(share: float, interval: tuple[float, float]) -> str:
    return f"{100 * share:.1f} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f}) %"


def sound_of(detector: Detector, heard: Heard) -> Sound:
    return Sound(detector.plan.spec.keywords, detector.labels, (heard.streams["5 to 30 dB"],), tuple(heard.talk))


def hear_split(detector: Detector, data: Path, split: str) -> Heard:
    """Streams of the split's speakers in its noise, and its talk."""
    noise = noise_of(data, split)
    clips = [clip for clip in clips_below(data / "speech_commands") if clip.split == split]
    streams = {}
    for number, (name, snr_db) in enumerate(STREAMS.items()):
        rng = np.random.default_rng([SPLITS.index(split), number])
        scene = build_scene(sounds_of(clips, detector.plan.spec.keywords, rng), SceneSettings(snr_db=snr_db),
                            noise=noise, rng=rng)
        streams[name] = LabelledTrack(hear(detector, [scene.samples]), scene.events)
    return Heard(streams, [hear_talk(detector, name, files, folder)
                           for name, (files, folder) in talk_of(data, split).items()])


def sounds_of(clips: Sequence[Clip], keywords: Sequence[str], rng: np.random.Generator) -> list[Spoken]:
    """PER_WORD clips of each keyword and OTHERS of other words, shuffled."""
    found = []
    for keyword in keywords:
        mine = [clip for clip in clips if clip.word == keyword]
        found += [(mine[i], KEYWORD) for i in rng.permutation(len(mine))[:PER_WORD]]
    others = [clip for clip in clips if clip.word not in keywords]
    found += [(others[i], UNKNOWN) for i in rng.permutation(len(others))[:OTHERS]]
    return shuffled([Spoken(read_samples(clip.path), kind, clip.word, clip.speaker) for clip, kind in found], rng)


def clips_below(folder: Path) -> list[Clip]:
    """Every clip of a folder of words."""
    return [Clip(path, word.name, speaker_of(path.stem), folder.name) for word in sorted(folder.iterdir())
            if word.is_dir() and not word.name.startswith("_") for path in sorted(word.iterdir())
            if is_audio(path.name)]


def audio_below(folder: Path) -> list[Path]:
    return [path for path in files_below(folder) if is_audio(path.name)]


def noise_of(data: Path, split: str) -> list[np.ndarray]:
    """The split's stretch of the six background recordings, and its share of the noise clips."""
    noise = read_noise(audio_below(data / "speech_commands" / "_background_noise_"), split=split, samples=16_000)
    return noise + [read_samples(path).astype(np.float32) for path in audio_below(data / "noise")
                    if split_of(path.stem) == split]


def talk_of(data: Path, split: str) -> dict[str, tuple[list[Path], Path]]:
    """Name -> recordings, and the folder whose transcripts count."""
    accented, readers = data / "sentences" / "accented_en", data / "sentences" / "read_en"
    found = {"accented English": ([path for path in audio_below(accented) if split_of(path.parent.name) == split],
                                  accented)}
    if split == "validation":
        last = sorted(path for path in readers.iterdir() if path.is_dir())[7:]
        return {**found, "three readers": ([path for reader in last for path in audio_below(reader)], readers),
                "orders": (audio_below(data / "negatives" / "en"), data / "negatives" / "en")}
    languages = data / "negatives" / "languages"
    others = sorted(path for path in languages.iterdir() if path.is_dir())[10:]
    return {**found, "English reading": (audio_below(data / "negatives" / "read_en"), data / "negatives" / "read_en"),
            "two readers": (audio_below(data / "read_speech"), data / "read_speech"),
            "French": (audio_below(data / "negatives" / "fr"), data / "negatives" / "fr"),
            "ten languages": ([path for place in others for path in audio_below(place)], languages)}


def hear_talk(detector: Detector, name: str, files: Sequence[Path], folder: Path) -> NegativeSource:
    return hear_source(detector, name, files, read_transcripts(folder, files), lambda: None)
