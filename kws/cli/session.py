"""What the summaries of listening to a microphone and to a device have in common."""

from typing import TYPE_CHECKING, Any

from kws.cli.common import note

if TYPE_CHECKING:
    from kws.detect.session import SessionTotals


def detections(totals: "SessionTotals") -> str:
    """Such as "3 detections (yes 2, no 1)"."""
    words = ", ".join(f"{word} {n}" for word, n in totals.hits.most_common())
    count = totals.hits.total()
    return f"{count} detection{'' if count == 1 else 's'}{f' ({words})' if words else ''}"


def tell_the_rest(totals: "SessionTotals", actions: Any, keeper: Any, *, of_them: str = "") -> None:
    """Where it happened: that the device was away, commands, files. of_them : which of the files, in brackets."""
    if totals.losses:
        note(f"device lost {'once' if totals.losses == 1 else f'{totals.losses} times'}, for {totals.lost_s:.1f} s")
    if actions is not None:
        note(f"commands: {actions.started} started, {actions.failed} failed, {actions.skipped} skipped")
    if keeper is not None:
        note(f"kept: {keeper.kept} files{of_them}, {keeper.failed} could not be written")
