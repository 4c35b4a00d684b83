"""Bars on stderr."""

import pytest

from kws.progress import progress


def test_a_bar_ends_at_its_end(capsys):
    with progress("work (s)", total=74) as advance:
        advance(73)
    assert "74/74" in capsys.readouterr().err


def test_a_bar_of_work_that_failed_stays_where_it_was(capsys):
    with pytest.raises(ValueError), progress("work", total=74) as advance:
        advance(73)
        raise ValueError
    assert "73/74" in capsys.readouterr().err
