"""What the summaries of listening to a microphone and to a device have in common."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kws.cli.common import counted, note

if TYPE_CHECKING:
    from kws.listen.actions import Actions
    from kws.listen.session import SessionTotals
    from kws.listen.sound_keeper import Keeper


@dataclass(frozen=True)
class Hands:
    """Who acts on what a listener hears, and who keeps the sound; None if nobody does."""

    actions: "Actions | None"
    keeper: "Keeper | None"


def detections(totals: "SessionTotals") -> str:
    """Such as "3 detections (yes 2, no 1)"."""
    words = ", ".join(f"{word} {n}" for word, n in totals.hits.most_common())
    return counted(totals.hits.total(), "detection") + (f" ({words})" if words else "")


def tell_the_rest(totals: "SessionTotals", hands: Hands, *, of_them: str = "") -> None:
    """Whether the device was away, commands, kept files. of_them : which of the files, in brackets."""
    if totals.losses:
        note(f"device lost {'once' if totals.losses == 1 else f'{totals.losses} times'}, for {totals.lost_s:.1f} s")
    if (actions := hands.actions) is not None:
        note(f"commands: {actions.started} started, {actions.failed} failed, {actions.skipped} skipped")
    if (keeper := hands.keeper) is not None:
        note(f"kept: {counted(keeper.kept, 'file')}{of_them}, {keeper.failed} could not be written")
