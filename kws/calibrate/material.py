"""The sound that a workspace holds for choosing and for checking: streams of its clips, its talk, its noise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.data.corpus import SPLITS, Clip, has_recordings, scan
from kws.data.scene import KEYWORD, UNKNOWN, Scene, SceneSettings, Sound, build_scene, shuffled
from kws.data.talk import find_talk
from kws.data.transcripts import Transcripts
from kws.detect.detector import Detector
from kws.model.augment import read_noise
from kws.spec import Spec
from kws.validate.negatives import NegativeSource, hear_source
from kws.validate.streams import LabelledTrack
from kws.validate.track import ScoreTrack, hear
from kws.workspace import Workspace

CLIPS_PER_KEYWORD = 80
STREAM_SEED = 20_000  # beside the number of the split
GAP_S = (1.0, 2.5)
SNR_DB = (5.0, 30.0)


@dataclass(frozen=True, eq=False)
class Heard:
    """Streams and negatives of one split; told : where they come from, in words."""

    streams: tuple[LabelledTrack, ...]
    negatives: tuple[NegativeSource, ...]
    told: tuple[str, ...]


def hear_split(workspace: Workspace, detector: Detector, split: str, *, streams: bool, negatives: bool) -> Heard:
    """What the workspace's recordings of one split bring: a stream of clips, hours of talk."""
    found: list[LabelledTrack] = []
    talk: list[NegativeSource] = []
    told: list[str] = []
    if streams and has_recordings(workspace.recordings):
        corpus = scan(workspace.recordings)
        clips = corpus.of(split=split)
        rng = np.random.default_rng([STREAM_SEED, SPLITS.index(split)])
        samples = detector.plan.spec.frontend.clip_samples
        sounds = choose_sounds(clips, detector.plan.spec, rng, lambda clip: read_samples(clip.path, samples=samples))
        if any(sound.kind == KEYWORD for sound in sounds):
            noise = read_noise(corpus.noise, split=split, samples=samples)
            found.append(hear_scene(detector, stream_scene(sounds, noise, rng)))
            told.append(f"{len(found[0].truth):,} keywords and other words of the {split} split in "
                        f"{found[0].track.hours:.2f} hours of noise")
    if negatives:
        talk = hear_talk(workspace.recordings, detector, split)
        told += [f"{source.hours:.2f} hours of talk in {source.name}, {split} split" for source in talk]
    return Heard(tuple(found), tuple(talk), tuple(told))


def choose_sounds(clips: Sequence[Clip], spec: Spec, rng: np.random.Generator,
                  read: Callable[[Clip], np.ndarray]) -> list[Sound]:
    """Up to CLIPS_PER_KEYWORD clips of each keyword and half as many other words as there are of keywords, shuffled."""
    chosen: list[Sound] = []
    for keyword in spec.keywords:
        mine = [clip for clip in clips if clip.word == keyword]
        chosen += [Sound(read(mine[i]), KEYWORD, keyword, mine[i].speaker)
                   for i in rng.permutation(len(mine))[:CLIPS_PER_KEYWORD]]
    others = [clip for clip in clips if clip.word not in spec.keywords]
    chosen += [Sound(read(others[i]), UNKNOWN, others[i].word, others[i].speaker)
               for i in rng.permutation(len(others))[:(len(chosen) + 1) // 2]]
    return shuffled(chosen, rng)


def stream_scene(sounds: Sequence[Sound], noise: Sequence[np.ndarray], rng: np.random.Generator) -> Scene:
    """The sounds in noise, as a detector is chosen and checked on."""
    return build_scene(sounds, SceneSettings(gap_s=GAP_S, snr_db=SNR_DB), noise=noise, rng=rng)


def hear_scene(detector: Detector, scene: Scene) -> LabelledTrack:
    return LabelledTrack(hear(detector, [scene.samples]), scene.events)


def hear_talk(recordings: Path, detector: Detector, split: str) -> list[NegativeSource]:
    """The talk of one split, a source each; recordings whose transcript holds a keyword are left out."""
    talk = [one for one in find_talk(recordings) if one.split == split]
    said = Transcripts({one.path.with_suffix(""): one.text for one in talk if one.text is not None})
    found = []
    for name in sorted({one.source for one in talk}):
        files = [one.path for one in talk if one.source == name]
        found.append(hear_source(detector, name, files, said, lambda: None))
    return [source for source in found if source.hours > 0]


def halves(source: NegativeSource) -> tuple[NegativeSource, NegativeSource]:
    """A source cut in two at the start of the recording in its middle; a single recording in its middle."""
    middle = source.track.samples // 2
    if len(source.pieces) > 1:
        starts = np.array([round(piece.start_s * SAMPLE_RATE_HZ) for piece in source.pieces[1:]])
        middle = int(starts[np.abs(starts - middle).argmin()])
    at_s = middle / SAMPLE_RATE_HZ
    first, second = cut_track(source.track, middle)
    early = tuple(piece for piece in source.pieces if piece.start_s < at_s)
    late = tuple(replace(piece, start_s=max(piece.start_s - at_s, 0.0),
                         ignored=tuple((start - at_s, end - at_s) for start, end in piece.ignored if end > at_s))
                 for piece in source.pieces if piece.start_s + piece.seconds > at_s)
    return (NegativeSource(source.name, first, early, source.left_out),
            NegativeSource(source.name, second, late, 0))


def stream_halves(stream: LabelledTrack) -> tuple[LabelledTrack, LabelledTrack]:
    """A labelled recording cut in two between two of its words."""
    middle_s = stream.track.seconds / 2
    before = [event for event in stream.truth if event.start_s < middle_s]
    at_s = min((event.start_s for event in stream.truth if event.start_s >= middle_s), default=stream.track.seconds)
    first, second = cut_track(stream.track, round(at_s * SAMPLE_RATE_HZ))
    after = tuple(replace(event, start_s=event.start_s - at_s, end_s=event.end_s - at_s)
                  for event in stream.truth if event.start_s >= at_s)
    return LabelledTrack(first, tuple(before)), LabelledTrack(second, after)


def cut_track(track: ScoreTrack, samples: int) -> tuple[ScoreTrack, ScoreTrack]:
    """The decisions up to `samples`, and those after it, whose times start at 0 again."""
    decisions = int(np.searchsorted(track.heard, samples, side="right"))
    return (ScoreTrack(track.labels, track.scores[:decisions], track.heard[:decisions], samples),
            ScoreTrack(track.labels, track.scores[decisions:], track.heard[decisions:] - samples,
                       track.samples - samples))
