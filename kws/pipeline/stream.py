"""kws data stream: a long recording with its truth, from the clips, talk, noise and rooms of a workspace."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples, write_audio
from kws.data.choices import Device
from kws.data.corpus import Clip, scan
from kws.data.scene import KEYWORD, UNKNOWN, Scene, SceneSettings, Sound, build_scene, pieces_of, shuffled
from kws.data.simulated_device import DEVICES, babble
from kws.data.talk import find_rooms, find_talk
from kws.data.transcripts import holds, sounds_like
from kws.data.truth import write_truth
from kws.errors import DataError
from kws.files import write_atomic
from kws.model.augment import read_noise
from kws.pipeline.choices import Preset
from kws.workspace import Workspace

TALK_S = (2.0, 8.0)  # of running speech at a time
BABBLE_S, BABBLE_VOICES, BABBLES = 30.0, 5, 4
NEAR = 0.5  # likeness of spelling from which a word is a near-miss
PLACED_COLUMNS = ("start_s", "end_s", "kind", "word", "speaker", "level_db", "snr_db", "room")


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """count : utterances of each keyword; unknown, talk : other words and pieces of talk per keyword utterance
    near_misses : share of the other words that are spelt like a keyword, as far as there are some
    minutes : length, which stretches the gaps; None: gaps of scene.gap_s
    babble  : whether people talking at once are among the noises
    """

    count: int = 20
    unknown: float = 0.5
    talk: float = 0.3
    near_misses: float = 0.3
    minutes: float | None = None
    babble: bool = False
    scene: SceneSettings = field(default_factory=SceneSettings)


def preset_settings(preset: Preset, keywords: int) -> StreamSettings:
    """TensorFlow's streaming test: ten minutes, a word about every 3 s, 30 % of them unknown, noise at 0 to 0.1 of its
    volume. MLPerf Tiny's streaming wake word: 20 minutes, 50 wake words among other sound."""
    inf = float("inf")
    if preset is Preset.TENSORFLOW:
        words = 200
        return StreamSettings(count=max(round(0.7 * words / keywords), 1), unknown=0.3 / 0.7, talk=0, near_misses=0,
                              minutes=10, scene=SceneSettings(noise_volume=(0.0, 0.1)))
    if preset is Preset.MLPERF:
        return StreamSettings(count=max(round(50 / keywords), 1), unknown=1.0, talk=2.0, minutes=20, babble=True,
                              scene=SceneSettings(snr_db=(5.0, 20.0)))
    if preset is Preset.CLEAN:
        return StreamSettings(talk=0, scene=SceneSettings(snr_db=(inf, inf)))
    return StreamSettings(babble=True, scene=SceneSettings(room_share=0.5))


def make_stream(workspace: Workspace, settings: StreamSettings, *, split: str, seed: int) -> Scene:
    """A stream of one split's speakers, talk and noise. Raises DataError if a keyword has no clips in it."""
    rng = np.random.default_rng(seed)
    spec = workspace.spec
    corpus = scan(workspace.recordings)
    clips = corpus.of(split=split)
    sounds: list[Sound] = []
    for keyword in spec.keywords:
        mine = [clip for clip in clips if clip.word == keyword]
        if not mine:
            raise DataError(f"{workspace.recordings}: no clips of {keyword!r} in the {split} split; record more "
                            "speakers, or choose another --split")
        sounds += [spoken(mine[i], KEYWORD) for i in rng.permutation(len(mine))[:settings.count]]
    events = len(sounds)
    others = [clip for clip in clips if clip.word not in spec.keywords]
    sounds += other_words(others, spec.keywords, round(settings.unknown * events), settings.near_misses, rng)
    talk = talk_of(workspace, split)
    sounds += pieces_of(talk, round(settings.talk * events), seconds=TALK_S, rng=rng)
    noise = read_noise(corpus.noise, split=split, samples=spec.frontend.clip_samples)
    if settings.babble and talk:
        noise += [babble(talk, BABBLE_S, BABBLE_VOICES, rng) for _ in range(BABBLES)]
    rooms = [read_samples(path) for path in find_rooms(workspace.recordings)]
    scene = settings.scene if settings.minutes is None else stretched(settings.scene, sounds, settings.minutes)
    return build_scene(shuffled(sounds, rng), scene, noise=noise, rooms=rooms, rng=rng)


def spoken(clip: Clip, kind: str) -> Sound:
    return Sound(read_samples(clip.path), kind, clip.word, clip.speaker)


def other_words(clips: Sequence[Clip], keywords: Sequence[str], count: int, near_share: float,
                rng: np.random.Generator) -> list[Sound]:
    """Other words, a share of which is spelt like a keyword if there are any."""
    near = [clip for clip in clips if likeness(clip.word, keywords) >= NEAR]
    chosen = [near[i] for i in rng.permutation(len(near))[:round(near_share * count)]]
    chosen += [clips[i] for i in rng.permutation(len(clips))[:max(count - len(chosen), 0)]]
    return [spoken(clip, UNKNOWN) for clip in chosen]


def likeness(word: str, keywords: Sequence[str]) -> float:
    """0..1: how much of a word's spelling it shares with the keyword that it is most like."""
    return max(SequenceMatcher(None, word, keyword).ratio() for keyword in keywords)


def talk_of(workspace: Workspace, split: str) -> list[np.ndarray]:
    """The talk of one split whose transcript, if there is one, holds no keyword: int16 arrays."""
    sounds = sounds_like(workspace.spec.keywords)
    return [read_samples(talk.path) for talk in find_talk(workspace.recordings)
            if talk.split == split and not (talk.text and holds(talk.text, sounds))]


def stretched(scene: SceneSettings, sounds: Sequence[Sound], minutes: float) -> SceneSettings:
    """The scene with gaps that make it so long. Raises DataError if the sounds alone are longer."""
    spoken_s = sum(len(sound.samples) for sound in sounds) / SAMPLE_RATE_HZ
    mean = (60 * minutes - 4 - spoken_s) / (len(sounds) + 1)
    if mean < 0.2:
        raise DataError(f"{minutes:g} minutes are too short for {len(sounds)} sounds of {spoken_s / 60:.1f} minutes; "
                        "give a longer --minutes or a smaller --count")
    return replace(scene, gap_s=(0.4 * mean, 1.6 * mean))


def with_device(settings: StreamSettings, device: Device) -> StreamSettings:
    return replace(settings, scene=replace(settings.scene, device=DEVICES[device]))


def write_scene(path: Path, scene: Scene, *, rate_hz: int = SAMPLE_RATE_HZ) -> None:
    """The recording, its truth beside it (.csv), and everything that was set in (.placed.csv)."""
    if rate_hz == SAMPLE_RATE_HZ:
        write_audio(path, scene.samples)
    else:
        write_atomic(path, resampled(scene.samples, rate_hz, path.suffix))
    write_truth(path.with_suffix(".csv"), scene.events)
    text = io.StringIO()
    table = csv.DictWriter(text, PLACED_COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(placed) for placed in scene.placed)
    write_atomic(path.with_suffix(".placed.csv"), text.getvalue())


def resampled(samples: np.ndarray, rate_hz: int, suffix: str) -> bytes:
    """A 16-bit mono file at another rate."""
    import soundfile
    import soxr

    if suffix not in (".wav", ".flac"):
        raise DataError(f"a recording's name must end in .wav or .flac, not in {suffix!r}")
    audio = soxr.resample(samples.astype(np.float32), SAMPLE_RATE_HZ, rate_hz)
    data = io.BytesIO()
    soundfile.write(data, np.clip(np.rint(audio), -32768, 32767).astype(np.int16), rate_hz, subtype="PCM_16",
                    format=suffix[1:].upper())
    return data.getvalue()
