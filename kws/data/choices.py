"""What the commands on recordings let a person choose. Nothing heavy is imported here, so that help is quick."""

from enum import StrEnum


class Split(StrEnum):
    """The three parts of the data, by speaker."""

    TRAINING = "training"
    VALIDATION = "validation"
    TESTING = "testing"


class Layout(StrEnum):
    """How folders are to be read; kws.data.layouts does it."""

    WORD = "word"
    WORD_SPEAKER = "word/speaker"
    SPEAKER_WORD = "speaker/word"
    EDGE_IMPULSE = "training/word.id"


class Device(StrEnum):
    """What records a made-up stream; kws.data.simulated_device has their faults."""

    NONE = "none"
    PHONE = "phone"
    CHEAP = "cheap"


class Rate(StrEnum):
    """Samples per second of a file to write."""

    HZ_16000 = "16000"
    HZ_44100 = "44100"
    HZ_48000 = "48000"

    @property
    def hz(self) -> int:
        return int(self)


class Fault(StrEnum):
    """What kws data check finds; in a report they stand in this order. The comment says what it takes."""

    UNREADABLE = "unreadable"  # no audio, no samples, values that are not finite
    SILENT = "silent"  # RMS below 0.001
    LENGTH = "wrong length"  # longer than a clip, or shorter than half of one
    DROPPED = "dropped buffer"  # exact zeros amid sound, or a block that came twice
    CLIPPED = "clipped"  # at full scale, or flat tops
    OFFSET = "DC offset"  # 1 % of full scale
    HUM = "hum"  # steady lines at multiples of 50 or 60 Hz
    NOISY = "low SNR"  # the word's loudest 100 ms are less than 10 dB above the quietest tenth
    CUT_OFF = "cut off"  # an edge nearly as loud as the word
    DUPLICATE = "duplicate"  # the samples of another clip
    NEAR_DUPLICATE = "near-duplicate"  # the same recording in another form
    TWO_WORDS = "two words"  # the same recording under two words
    TWO_VOICES = "two voices"  # the same recording under two speakers
    SAME_VOICE = "same voice"  # two speakers' names, and one voice by a speaker encoder
    LABEL = "label"  # sounds like another word
