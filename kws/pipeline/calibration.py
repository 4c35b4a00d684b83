"""The operating point at the end of a training: what kws calibrate does, with the clips and the talk at hand."""

from pathlib import Path

import numpy as np

from kws.audio.files import read_samples
from kws.calibrate.material import choose_sounds, hear_scene, hear_talk, stream_scene
from kws.calibrate.run import Calibration, choose_and_check
from kws.calibrate.sound import Sound
from kws.calibrate.thresholds import Target
from kws.data.corpus import Clip
from kws.data.scene import KEYWORD, UNKNOWN
from kws.data.scene import Sound as Spoken
from kws.detect.detector import Detector
from kws.model.dataset import Material
from kws.validate.streams import LabelledTrack

CALIBRATION, CHECK = 100, 102  # purposes of random numbers, beside those of kws.model.dataset
FEW_SMOOTHING_MS, FEW_TALK_LIMIT = 160, 96  # where too few keywords were spoken to choose them


def calibrated(material: Material, detector: Detector, recordings: Path) -> Calibration:
    """Chosen on validation clips in noise and on the talk of that split, checked on those of the testing split."""
    validation = (*material.examples.validation.clips, *material.examples.others)
    streams = [clip_stream(material, detector, clips, split, purpose) for clips, split, purpose in
               ((validation, "validation", CALIBRATION), (material.examples.testing.clips, "testing", CHECK))]
    heard = [Sound(material.spec.keywords, detector.labels, (stream,), tuple(hear_talk(recordings, detector, split)))
             for stream, split in zip(streams, ("validation", "testing"), strict=True)]
    chosen_on, check = heard
    return choose_and_check(detector, target_of(material), chosen_on, told_of(chosen_on, "validation"),
                            check if check.events or check.negatives else None, told_of(check, "testing"),
                            fixed_timing=True)


def calibrated_few(material: Material, detector: Detector, recordings: Path) -> Calibration:
    """For keywords of which every recording was trained on: false alarms alone say how strict to be.

    The lowest threshold that holds the target, on the talk of the validation split; without talk on clips of other
    words. What trained is heard at any threshold, and would only raise it. Checked on people of the testing split.
    With `after_pause` in kws.toml words are heard after a pause only, by a rule that is fixed, too.
    """
    smoothing_ms = material.spec.detector.smoothing_ms or FEW_SMOOTHING_MS
    sound = few_sound(material, detector, recordings)
    check = few_check(material, detector, recordings)
    others = f"{len(material.examples.others)} other words in noise"
    told = told_of(sound, "validation") if sound.negatives else (others,)
    return choose_and_check(detector, target_of(material), sound, told, check, told_of(check, "testing"),
                            fixed_timing=True, smoothing_ms=smoothing_ms, talk_limit=FEW_TALK_LIMIT)


def few_sound(material: Material, detector: Detector, recordings: Path) -> Sound:
    """What the thresholds of few recordings are chosen on: nobody says a keyword."""
    talk = tuple(hear_talk(recordings, detector, "validation"))
    if talk:
        return Sound(material.spec.keywords, detector.labels, (), talk)
    samples = material.spec.frontend.clip_samples
    others = [Spoken(read_samples(clip.path, samples=samples), UNKNOWN, clip.word) for clip in material.examples.others]
    stream = hear_scene(detector, stream_scene(others, material.noise["validation"], material.rng(CALIBRATION)))
    return Sound(material.spec.keywords, detector.labels, (stream,), ())


def few_check(material: Material, detector: Detector, recordings: Path) -> Sound:
    """People who neither trained nor chose anything: their takes, if there are any, and their talk."""
    clips = material.examples.testing.clips
    said = any(clip.word in material.spec.keywords for clip in clips)
    streams = (clip_stream(material, detector, clips, "testing", CHECK),) if said else ()
    return Sound(material.spec.keywords, detector.labels, streams, tuple(hear_talk(recordings, detector, "testing")))


def clip_stream(material: Material, detector: Detector, clips: tuple[Clip, ...], split: str,
                purpose: int) -> LabelledTrack:
    """A stream of clips in the split's noise."""
    rng: np.random.Generator = material.rng(purpose)
    samples = material.spec.frontend.clip_samples
    sounds = choose_sounds(clips, material.spec, rng, lambda clip: read_samples(clip.path, samples=samples))
    if not any(sound.kind == KEYWORD for sound in sounds):
        sounds = sounds[:1]
    return hear_scene(detector, stream_scene(sounds, material.noise[split], rng))


def target_of(material: Material) -> Target:
    return Target(false_alarms_per_hour=material.spec.requirements.false_alarms_per_hour)


def told_of(sound: Sound, split: str) -> tuple[str, ...]:
    """Where it comes from, in words."""
    found = [f"{sound.events:,} keywords of the {split} clips in noise"] if sound.events else []
    return (*found, *(f"{source.hours:.2f} hours of talk in {source.name}" for source in sound.negatives))
