"""Damaged sound files: each is read or refused in words, within bounds of memory and time.

    scripts/check hostile_sounds [--count N] [--seed N]

Every kind of file that libsndfile writes, and Creative Voice files of several blocks, with flipped bytes, cut, joined,
padded, with foreign headers and absurd fields. Each is heard to its end as `kws detect` and `kws data import` do, in a
process with 2 GB of address space. The last line counts; the exit status is 1 if one ended in anything but sound or a
line in words, and that file is kept.
"""

import io
import multiprocessing
import resource
import struct
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from kws.audio.voc import MAGIC
from kws.bench.common import ROOT, counted_parser, header

KINDS = (("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"), ("WAV", "PCM_32"), ("WAV", "ULAW"),
         ("WAV", "IMA_ADPCM"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
         ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("CAF", "PCM_16"), ("W64", "PCM_16"),
         ("RF64", "PCM_16"), ("NIST", "PCM_16"), ("VOC", "PCM_16"), ("CAF", "ALAC_16"), ("SVX", "PCM_S8"),
         ("VOC", "BLOCKS"))
RATES_HZ = (8_000, 16_000, 44_100, 48_000)
MEMORY_BYTES = 2 << 30
LIMIT_S = 20.0  # for a file of a second or two, on a busy machine
BATCH = 50
COUNT = 6_000
Answers: TypeAlias = "multiprocessing.Queue[tuple[int, str]]"
Work = Callable[[int, int, Answers], None]
Damage = Callable[[bytes, np.random.Generator], bytes]


def whole_file(rng: np.random.Generator) -> bytes:
    """A sound file of a random kind, rate, length and number of channels."""
    import soundfile

    container, subtype = KINDS[rng.integers(len(KINDS))]
    rate_hz = 48_000 if subtype == "OPUS" else int(rng.choice(RATES_HZ))
    channels = 1 if container in ("VOC", "SVX") else int(rng.integers(1, 3))
    audio = 0.2 * rng.standard_normal((int(rng.uniform(0.05, 1.5) * rate_hz), channels))
    if subtype == "BLOCKS":
        return voc_of_blocks(np.rint(32_767 * np.clip(audio, -1, 1)).astype("<i2").tobytes(), rate_hz, rng)
    data = io.BytesIO()
    soundfile.write(data, np.clip(audio, -1, 1), rate_hz, format=container, subtype=subtype)
    return data.getvalue()


def voc_of_blocks(pcm: bytes, rate_hz: int, rng: np.random.Generator) -> bytes:
    """A Creative Voice file: a block with a head, some that continue it, one of silence, an end mark."""
    def block(kind: int, content: bytes) -> bytes:
        return bytes([kind]) + len(content).to_bytes(3, "little") + content

    cuts = sorted(int(cut) for cut in rng.integers(0, len(pcm), 3))
    first, *more = (pcm[start:end] for start, end in zip((0, *cuts), (*cuts, len(pcm)), strict=True))
    silence = block(3, struct.pack("<HB", int(rng.integers(65_536)), int(rng.integers(256))))
    head = MAGIC + struct.pack("<HHH", 26, 0x10A, 0x1129)
    begun = block(9, struct.pack("<IBBHI", rate_hz, 16, 1, 4, 0) + first)
    return head + begun + silence.join(block(2, part) for part in more) + b"\0"


def flip(data: bytes, rng: np.random.Generator) -> bytes:
    """One to a hundred bytes anywhere."""
    changed = bytearray(data)
    for place in rng.integers(0, len(data), int(rng.integers(1, 100))):
        changed[place] = int(rng.integers(256))
    return bytes(changed)


def flip_header(data: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes among the first hundred."""
    changed = bytearray(data)
    for place in rng.integers(0, min(len(data), 100), int(rng.integers(1, 8))):
        changed[place] = int(rng.integers(256))
    return bytes(changed)


def absurd_field(data: bytes, rng: np.random.Generator) -> bytes:
    """Four bytes of the header as the largest, the smallest, or none."""
    changed = bytearray(data)
    place = int(rng.integers(0, max(min(len(data), 120) - 8, 1)))
    value = struct.pack(rng.choice(["<I", ">I"]), int(rng.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])))
    changed[place:place + 4] = value
    return bytes(changed)


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[:int(rng.integers(0, len(data)))]


def joined(data: bytes, rng: np.random.Generator) -> bytes:
    return data + whole_file(rng) + (data if rng.random() < 0.5 else b"")


def padded(data: bytes, rng: np.random.Generator) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 5_000)))


def hole(data: bytes, rng: np.random.Generator) -> bytes:
    """A stretch of zeros, or one that is missing."""
    start = int(rng.integers(0, len(data)))
    length = int(rng.integers(1, 3_000))
    return data[:start] + (bytes(length) if rng.random() < 0.5 else b"") + data[start + length:]


def other_header(data: bytes, rng: np.random.Generator) -> bytes:
    other = whole_file(rng)
    length = int(rng.integers(4, 120))
    return other[:length] + data[length:]


def noise(data: bytes, rng: np.random.Generator) -> bytes:
    return data[:int(rng.integers(0, 16))] + rng.bytes(int(rng.integers(0, 4_000)))


DAMAGES: tuple[Damage, ...] = (flip, flip_header, flip_header, absurd_field, absurd_field, cut, joined, padded, hole,
                               other_header, noise)


def damaged(seed: int) -> bytes:
    """The file of one seed, damaged once or twice."""
    rng = np.random.default_rng(seed)
    data = whole_file(rng)
    for _ in range(int(rng.integers(1, 3))):
        data = DAMAGES[rng.integers(len(DAMAGES))](data, rng) or b"\0"
    return data


def hear(data: bytes) -> str:
    """What becomes of a file: "heard", "refused", or what went wrong."""
    from kws.audio.files import whole
    from kws.audio.reading import open_sound
    from kws.errors import DataError

    started_s = time.process_time()
    try:
        audio = whole(open_sound(Path("damaged"), data))
    except DataError as error:
        outcome = "refused" if "damaged" in str(error) and "\n" not in str(error) else f"unclear message: {error}"
    except BaseException as error:
        outcome = f"{type(error).__name__}: {error}"
    else:
        outcome = "heard" if audio.dtype == np.int16 and audio.ndim == 1 and len(audio) else "heard as something else"
    return outcome if time.process_time() - started_s < LIMIT_S else f"slow: {outcome}"


def try_batch(first: int, count: int, answers: Answers) -> None:
    """In a process of its own: a fault of a decoder ends that process alone."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for seed in range(first, first + count):
        answers.put((seed, "began"))
        answers.put((seed, hear(damaged(seed))))


def attack(first: int, count: int, work: Work = try_batch, *, batch: int = BATCH) -> dict[int, str]:
    """Outcome of each seed; where the process died, the seed that it died of says so and the others go on."""
    outcomes: dict[int, str] = {}
    context = multiprocessing.get_context("spawn")
    while (start := next((seed for seed in range(first, first + count) if seed not in outcomes), None)) is not None:
        answers = context.Queue()
        process = context.Process(target=work, args=(start, min(batch, first + count - start), answers))
        process.start()
        begun = start
        while process.is_alive() or not answers.empty():
            try:
                seed, outcome = answers.get(timeout=0.2)
            except Exception:
                continue
            if outcome == "began":
                begun = seed
            else:
                outcomes[seed] = outcome
        process.join()
        if process.exitcode:
            outcomes.setdefault(begun, f"the process ended with {process.exitcode}")
        print(f"{len(outcomes)} of {count}", end="\r", flush=True)
    return outcomes


def main(arguments: Sequence[str]) -> int:
    chosen = counted_parser(__doc__, count=COUNT).parse_args(arguments)
    header(f"{chosen.count} damaged sound files, seed {chosen.seed}")
    outcomes = attack(chosen.seed * 1_000_000, chosen.count)
    wrong = {seed: outcome for seed, outcome in outcomes.items() if outcome not in ("heard", "refused")}
    for seed, outcome in list(wrong.items())[:20]:
        kept = ROOT / ".cache" / f"hostile-{seed}.sound"
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(damaged(seed))
        print(f"{kept}: {outcome}")
    counts = Counter(outcomes.values() if not wrong else [o for o in outcomes.values() if o in ("heard", "refused")])
    print(f"{counts['heard']} heard, {counts['refused']} refused in words, {len(wrong)} otherwise")
    return 1 if wrong else 0
