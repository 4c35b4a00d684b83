"""Plays a recording with known truth into a null sink and listens to it: is live what the file gives?

    scripts/check listen [MINUTES] [RUN]      default: 10 minutes, the newest run

Needs PulseAudio (null_sink.py says what to install). The sink and the microphone run at 16 kHz mono, so nothing is
resampled, and what is heard should be what was played, sample by sample. Then the time of a detection is exact too;
where a gap in the playing (the player came too late) has moved the sound, it is compared by its place in the recording.
Prints what was compared, and ends with status 1 where a detection differs or sound was lost.
"""

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.audio.microphone import Microphone, list_devices
from kws.bench import null_sink
from kws.bench.common import DEMO_RECORDING, header, parser
from kws.detect.detector import Detection, Detector, load_detector
from kws.listen.listener import Event, Listener, Sound, microphone_events
from kws.workspace import locate_run

MATCH_SAMPLES = 8_000


class Hits:
    """A View that only remembers detections."""

    def __init__(self) -> None:
        self.found: list[Detection] = []

    def hit(self, hit: Detection) -> None:
        self.found.append(hit)

    def note(self, message: str) -> None:
        print(message, file=sys.stderr)

    def hops(self, hops: object) -> None:
        pass

    def status(self, status: object) -> None:
        pass


def listen(detector: Detector, sound: np.ndarray,
           server: null_sink.PulseAudio) -> tuple[Listener, list[Detection], np.ndarray]:
    """Play `sound` and listen. -> (the Listener, detections, all that was heard : int16 [n])"""
    view, heard = Hits(), []
    device = replace(list_devices()[0], rate_hz=SAMPLE_RATE_HZ, channels=1)
    listener = Listener(detector, view)
    microphone = Microphone(device)

    def teed() -> Iterator[Event]:
        for event in microphone_events(microphone, lambda: Microphone(device)):
            if isinstance(event, Sound):
                heard.append(event.samples)
            yield event

    player = threading.Thread(target=server.play, args=(sound,))
    player.start()
    listener.run(teed(), seconds=len(sound) / SAMPLE_RATE_HZ + 4)
    player.join()
    return listener, view.found, np.concatenate(heard)


def detections(detector: Detector, sound: np.ndarray) -> list[Detection]:
    """What `kws detect` finds in a file of these samples."""
    detector.reset()
    return detector.push(sound)


def place_of(played: np.ndarray, heard: np.ndarray) -> int:
    """Where the recording begins in what was heard: the place of its loudest half second."""
    power = np.convolve(played[:10 * SAMPLE_RATE_HZ].astype(float) ** 2, np.ones(MATCH_SAMPLES), "valid")
    start = int(power.argmax())
    probe = played[start:start + MATCH_SAMPLES].astype(float)
    stretch = heard[:20 * SAMPLE_RATE_HZ].astype(float)
    size = 1 << (len(stretch) + len(probe)).bit_length()
    product = np.fft.irfft(np.fft.rfft(stretch, size) * np.conj(np.fft.rfft(probe, size)), size)
    return int(product[:len(stretch)].argmax()) - start


def main(arguments: Sequence[str]) -> int:
    options = parser(__doc__)
    options.add_argument("minutes", nargs="?", type=float, default=10, metavar="MINUTES")
    options.add_argument("run", nargs="?", metavar="RUN")
    given = options.parse_args(arguments)
    minutes, run = given.minutes, locate_run(given.run)
    detector = load_detector(run)
    once = read_samples(DEMO_RECORDING)
    played = np.resize(once, round(minutes * 60 * SAMPLE_RATE_HZ))
    server = null_sink.PulseAudio(rate_hz=SAMPLE_RATE_HZ, channels=1)
    os.environ.update(server.environment)
    try:
        listener, live, heard = listen(detector, played, server)
    finally:
        server.stop()
    totals, place = listener.totals, place_of(played, heard)
    same = heard[place:place + len(played)]
    different = np.count_nonzero(same != played[:len(same)]) + len(played) - len(same)
    hop_s = detector.plan.frontend.hop_samples / SAMPLE_RATE_HZ
    of_heard = detections(detector, heard)
    shifted = detections(detector, np.concatenate((np.zeros(max(place, 0), np.int16), played)))
    pairs = list(zip(live, shifted, strict=False))
    words = [a.keyword for a in live] == [b.keyword for b in shifted]
    furthest_s = max((abs(a.time_s - b.time_s) for a, b in pairs), default=0.0)
    header(run.name)
    print(f"{totals.elapsed_s / 60:.1f} minutes, {len(live)} detections, "
          f"{totals.overflows} overflows, {100 * totals.cpu_s / totals.elapsed_s:.1f} % of one core (no display)")
    print(f"against a file of what was heard: {'the same' if live == of_heard else 'DIFFERENT'}, time and score")
    print(f"against the file that was played: {'the same' if words else 'DIFFERENT'} {len(shifted)} keywords, "
          f"at most {1000 * furthest_s:.0f} ms apart (one hop is {1000 * hop_s:.0f} ms); "
          f"{different} of {len(played)} samples arrived otherwise")
    return 0 if live == of_heard and words and furthest_s <= hop_s and totals.overflows == 0 else 1

