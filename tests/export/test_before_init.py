"""Calls before kws_init: the answer that the header promises, not a crash."""

import subprocess
from pathlib import Path

import pytest

from kws.export.export import export_to
from kws.export.source import from_run, from_tflite

RUN = Path(__file__).resolve().parents[2] / "models" / "commands"
FLAGS = ("-std=c99", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-DKWS_MODEL_CONFIG",
         "-I.")
DETECTOR = """
#include "kws.h"

static kws_state state;
static int16_t samples[2 * KWS_SAMPLE_RATE_HZ];

int main(void)
{
    kws_event event;
    if (kws_push(&state, samples, 2 * KWS_SAMPLE_RATE_HZ, &event) != KWS_NOT_STARTED) {
        return 1;
    }
    kws_init(&state);
    return kws_push(&state, samples, 2 * KWS_SAMPLE_RATE_HZ, &event) == 0 ? 0 : 2;
}
"""
# Stands in for TensorFlow Lite for Microcontrollers: silence is never a keyword.
NET = """
#include "kws_model.h"
#include "kws_net.h"

int32_t kws_net_init(void) { return 0; }

int32_t kws_net_run(const int8_t *window, int8_t *scores)
{
    for (int i = 0; i < KWS_LABELS; ++i) {
        scores[i] = window[0] ? -128 : -127;
    }
    return 0;
}
"""
NETWORK = """
#include <string.h>

#include "kws.h"

static kws_state state;
static int8_t window[KWS_FRAMES * KWS_FEATURES];

int main(void)
{
    int8_t before[KWS_LABELS], after[KWS_LABELS], streamed[KWS_LABELS];
    int32_t decided = 0;
    if (kws_push_row(&state, window, before) != KWS_NOT_STARTED) {
        return 1;
    }
    memset(&state, 0x5a, sizeof state);
    kws_run(&state, window, before);
    kws_init(&state);
    kws_run(&state, window, after);
    kws_init(&state);
    for (int i = 0; i < KWS_FRAMES; ++i) {
        decided = kws_push_row(&state, window, streamed);
    }
    return decided == 1 && !memcmp(before, after, KWS_LABELS) && !memcmp(before, streamed, KWS_LABELS) ? 0 : 2;
}
"""


def status(folder, main, *more):
    """Exit status of `main` compiled with the package, under the sanitizers."""
    (folder / "main.c").write_text(main)
    sources = [str(path.relative_to(folder)) for path in folder.glob("engine/*.c")]
    command = ["gcc", *FLAGS, "main.c", "kws.c", "kws_model.c", *sources, *more, "-o", "main"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.run([folder / "main"]).returncode


@pytest.mark.parametrize("target", ["c", "tflm"])
def test_a_detector_that_was_not_started_says_so(target, tmp_path):
    export_to(target, from_run(RUN), tmp_path / "out")
    (tmp_path / "out" / "net.c").write_text(NET)
    assert status(tmp_path / "out", DETECTOR, *(["net.c"] if target == "tflm" else [])) == 0


def test_a_network_that_was_not_started_says_so_and_runs_windows_all_the_same(tmp_path):
    export_to("c", from_tflite(RUN / "model.tflite"), tmp_path / "out")
    assert status(tmp_path / "out", NETWORK) == 0
