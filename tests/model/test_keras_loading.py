"""Keras without its noise."""

import subprocess
import sys

PRINTS = """if True:
    import logging, os, sys
    from kws.model.keras_loading import native_messages_hidden
    print("before")
    try:
        with native_messages_hidden():
            os.write(1, b"native")
            print("python")
            logging.basicConfig()
            {inside}
    except ValueError:
        pass
    print("after")
    logging.error("told")
"""


def run(inside):
    code = PRINTS.format(inside=inside)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_what_is_printed_inside_is_hidden_and_loggers_live_on():
    result = run("pass")
    assert result.stdout == "before\nafter\n"
    assert result.stderr == "ERROR:root:told\n"


def test_it_comes_to_light_when_the_block_raises():
    result = run("raise ValueError")
    assert result.stdout == "before\nafter\n"
    assert "native" in result.stderr and "python" in result.stderr
