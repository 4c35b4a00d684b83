"""Clips as a page can play them: MP3, some five kilobytes a second, which every browser decodes."""

import base64
import io

import numpy as np

from kws.arguments import Samples, check_array
from kws.audio.files import SAMPLE_RATE_HZ, fit

LONGEST_S = 2.0


def playable(audio: Samples) -> str:
    """int16 [n] -> a data: address; only the loudest LONGEST_S of a long recording."""
    check_array("audio", audio, np.int16, "n")
    import soundfile

    data = io.BytesIO()
    longest = round(LONGEST_S * SAMPLE_RATE_HZ)
    short = fit(audio, longest) if len(audio) > longest else audio
    with soundfile.SoundFile(data, "w", SAMPLE_RATE_HZ, 1, format="MP3", subtype="MPEG_LAYER_III",
                             compression_level=0.7) as file:
        file.write(short)
    return f"data:audio/mpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
