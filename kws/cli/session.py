"""What the summaries of listening to a microphone and to a device have in common."""

from typing import TYPE_CHECKING, Any

from kws.cli.common import counted, note

if TYPE_CHECKING:
    from kws.listen.session import SessionTotals


def detections(totals: "SessionTotals") -> str:
    """Such as "3 detections (yes 2, no 1)"."""
    words = ", ".join(f"{word} {n}" for word, n in totals.hits.most_common())
    return counted(totals.hits.total(), "detection") + (f" ({words})" if words else "")


def tell_the_rest(totals: "SessionTotals", actions: Any, keeper: Any, *, of_them: str = "") -> None:
    """Whether the device was away, commands, kept files. of_them : which of the files, in brackets."""
    if totals.losses:
        note(f"device lost {'once' if totals.losses == 1 else f'{totals.losses} times'}, for {totals.lost_s:.1f} s")
    if actions is not None:
        note(f"commands: {actions.started} started, {actions.failed} failed, {actions.skipped} skipped")
    if keeper is not None:
        note(f"kept: {counted(keeper.kept, 'file')}{of_them}, {keeper.failed} could not be written")
