"""Decode one file with PyAV, which brings its own FFmpeg: python -m kws.audio.pyav GIVEN MADE [FORMAT]

Runs in a process of its own, as ffmpeg does: whatever a damaged file does to the decoder ends nothing else. MADE is
RF64 of 16 bits with the file's own rate and channels. Exit status 1: stderr says why, in lines as ffmpeg writes them.
"""

import sys
from collections.abc import Iterator

from kws.audio.foreign import LONGEST_S


def main(given: str, made: str, form: str | None = None) -> None:
    """Write the first sound track of `given` to `made`."""
    import av
    import soundfile

    with av.open(given, format=form, options={"protocol_whitelist": "file"}, metadata_errors="ignore") as source:
        if not source.streams.audio:
            sys.exit("[error] no sound in it")
        for track in source.streams.audio:
            print(f"[info] Stream #0:{track.index}: Audio: {track.name}", file=sys.stderr)
        frames = decoded(source, source.streams.audio[0])
        first = next(frames, None)
        if first is None:
            sys.exit("[error] none of its sound could be decoded")
        channels = first.layout.nb_channels
        resampler = av.AudioResampler(format="s16", layout=first.layout, rate=first.rate)
        with soundfile.SoundFile(made, "w", first.rate, channels, "PCM_16", format="RF64") as target:
            frame: av.AudioFrame | None = first
            while target.frames < LONGEST_S * first.rate:
                for block in resampler.resample(frame):  # None at the end brings what is left in it
                    target.write(block.to_ndarray().reshape(-1, channels))
                if frame is None:
                    break
                frame = next(frames, None)


def decoded(source, track) -> Iterator:  # type: ignore[no-untyped-def, type-arg]
    """The frames of a track; packets that cannot be decoded are left out, and told on stderr at the end."""
    import av

    damaged = 0
    try:
        for packet in source.demux(track):
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                damaged += 1
    except av.error.FFmpegError as error:  # of the file itself: it was cut off
        print(f"[error] {error}", file=sys.stderr)
    if damaged:
        print(f"[error] {damaged:,} packets could not be decoded", file=sys.stderr)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:
        sys.exit(f"[error] {type(error).__name__}: {error}")
