"""Every code of the headers has words, and there are words for nothing else."""

import pytest

from kws.engine.schedule import KINDS
from kws.native.reasons import PARTS, WORDS, names, reason


@pytest.mark.parametrize("enum", WORDS)
def test_the_words_are_those_of_the_header_s_enum(enum):
    codes = names(enum)
    assert codes.pop(0).endswith("_OK")
    assert set(codes.values()) == set(WORDS[enum]) and all(code < 0 for code in codes)


def test_a_part_s_own_reason_is_passed_on():
    codes = {name: code for enum in WORDS for code, name in names(enum).items()}
    assert reason("kws_plan_error", codes["KWS_PLAN_BAD_DECODER"], detail=codes["KWS_DECODER_BAD_LABELS"]) == \
        "its decoder is damaged: labels must be 1 to 42"
    assert set(PARTS) <= set(codes)


def test_the_kinds_of_ops_keep_the_numbers_that_plans_on_disk_hold():
    assert list(KINDS.items())[:12] == [
        ("CONV", 1), ("DEPTHWISE", 2), ("ADD", 3), ("MUL", 4), ("MEAN", 5), ("AVERAGE", 6), ("MAX", 7), ("SOFTMAX", 8),
        ("LOOKUP", 9), ("COPY", 10), ("CONCAT", 11), ("RESHAPE", 12)]
