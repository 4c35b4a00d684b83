"""kws data stream: a long recording with its truth."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from kws.cli.common import DirectoryOption, JsonOption, print_json, workspace
from kws.cli.data import SeedOption
from kws.data.choices import Device, Rate, Split
from kws.pipeline.choices import Preset


def stream(
    path: Annotated[Path, typer.Argument(metavar="FILE", show_default=False,
                                         help="The recording to write, .wav or .flac; FILE.csv says what is said.")],
    preset: Annotated[Preset, typer.Option(
        "--preset", help="home: rooms, talk, noise of 5 to 30 dB. clean: words alone. tensorflow: its streaming test. "
                         "mlperf: MLPerf Tiny's streaming wake word.")] = Preset.HOME,
    split: Annotated[Split, typer.Option("--split", help="Whose clips, talk and noise.")] = Split.TESTING,
    count: Annotated[int | None, typer.Option("--count", min=1, max=100_000, metavar="N", show_default=False,
                                              help="Utterances of each keyword.")] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0.1, max=600, metavar="M", show_default=False,
                                                  help="Length; the gaps between sounds follow.")] = None,
    snr_db: Annotated[float | None, typer.Option("--snr-db", min=-20, max=80, metavar="DB", show_default=False,
                                                 help="Signal-to-noise ratio of the whole recording.")] = None,
    device: Annotated[Device, typer.Option(
        "--device", help="What records: none, phone (response, gain control, lost buffers), cheap (the same, and "
                         "clipping).")] = Device.NONE,
    rate: Annotated[Rate, typer.Option("--rate", help="Samples per second.")] = Rate.HZ_16000,
    seed: SeedOption = 1,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Make a long recording whose content is known, from clips of speakers that training has not heard.

    Keywords at random gaps, other words, near-misses, talk (recordings/*/_talk_/), noise, rooms (recordings/*/_rooms_/)
    and steps in level. The same seed gives the same recording. Judge with it: kws validate --stream FILE

    Example: kws data stream evening.wav --minutes 30 --snr-db 10 --device phone
    """
    from kws.audio.resampling import SAMPLE_RATE_HZ
    from kws.pipeline.stream import make_stream, preset_settings, with_device, write_scene

    place = workspace(directory)
    settings = with_device(preset_settings(preset, len(place.spec.keywords)), device)
    settings = replace(settings, count=count or settings.count, minutes=minutes or settings.minutes)
    if snr_db is not None:
        settings = replace(settings, scene=replace(settings.scene, snr_db=(snr_db, snr_db)))
    made = make_stream(place, settings, split=split, seed=seed)
    write_scene(path, made, rate_hz=rate.hz)
    seconds = len(made.samples) / SAMPLE_RATE_HZ
    if json:
        print_json({"file": str(path), "truth": str(path.with_suffix(".csv")), "seconds": seconds,
                    "keywords": len(made.events), "placed": len(made.placed)})
    else:
        print(f"{path}: {seconds / 60:.1f} minutes, {len(made.events):,} keywords among {len(made.placed):,} sounds; "
              f"truth in {path.with_suffix('.csv')}")
