"""kws listen --serial: what a device prints, and with --compare whether this PC hears the same."""

import contextlib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kws.cli.common import CANNOT, note, print_json
from kws.cli.session import Hands, detections, tell_the_rest
from kws.errors import KwsError

if TYPE_CHECKING:
    from kws.listen.serial.device import DeviceListener, DeviceTotals
    from kws.listen.serial.protocol import Cost
    from kws.listen.session import Back, Lost

NEVER_WITH = ("--device", "--near-misses")  # of the microphone


def refuse(*, serial: str | None, device: str | None, near_misses: bool, compare: bool) -> None:
    """Options that do not go together. Raises typer.BadParameter."""
    if serial is None and compare:
        raise typer.BadParameter("needs --serial PORT, where the device is", param_hint="--compare")
    for name, given in zip(NEVER_WITH, (device is not None, near_misses), strict=True):
        if serial is not None and given:
            raise typer.BadParameter("concerns the microphone; --serial listens to a device instead", param_hint=name)


def port_events(port: str, *, baud: int) -> "Generator[bytes | Lost | Back]":
    """What comes from the port. Raises DeviceError if it cannot be opened now."""
    from kws.listen.serial import device as remote
    from kws.listen.serial.port import Port

    return remote.port_events(Port(port, baud=baud), lambda: Port(port, baud=baud))


def cost_printer(port: str, *, as_json: bool) -> "Callable[[Cost, float], None]":
    """The device's costs: an object on stdout, or a line on stderr."""
    def show(cost: "Cost", load: float) -> None:
        if as_json:
            print_json({"file": port, "hops": cost.hops, "busy_us": cost.busy_us, "load": round(load, 4)})
        else:
            note(f"device: {cost.busy_us / cost.hops:.0f} µs per hop, {100 * load:.1f} % of its processor's time")

    return show


def run(listener: "DeviceListener", events: "Generator[bytes | Lost | Back]", *, seconds: float | None) -> None:
    """Until Ctrl-C, or for `seconds`."""
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(events):
        listener.run(events, seconds=seconds)


def summarize(totals: "DeviceTotals", hands: Hands) -> None:
    """What there was, on stderr."""
    cost = f"{totals.busy_us / totals.hops:.0f} µs per hop" if totals.hops else "no costs"
    note(f"listened to the device for {totals.elapsed_s:.1f} s: {detections(totals)}, {cost}, "
         f"{totals.lost_samples} samples lost, {totals.damaged} lines damaged, {totals.other} other lines")
    tell_the_rest(totals, hands)


def judge(listener: "DeviceListener", folder: Path) -> None:
    """The result of --compare; exits with status 1 where the device does not do what this PC does."""
    from kws.audio.resampling import SAMPLE_RATE_HZ

    found = listener.twin.totals
    seconds = found.samples / SAMPLE_RATE_HZ
    if not found.samples:
        raise KwsError("nothing was compared: the device sent no sound, or too little; compile its example with "
                       "KWS_SEND_SOUND (see the README.md of the export), and listen for longer")
    note(f"compared with {folder.name} on {seconds:.1f} s of the device's sound: {found.same} "
         f"detection{'' if found.same == 1 else 's'} the same, {found.different} differ"
         f"{f', {found.gaps} gaps left out' if found.gaps else ''}")
    if listener.totals.failed:
        note("error: the device's self-test failed; recompile the export, with another compiler or fewer "
             "optimizations")
    if found.different:
        note(f"error: the device does not detect what {folder.name} detects; is it the same run (--run), and has it "
             "been exported since it last changed?")
    if found.different or listener.totals.failed:
        raise typer.Exit(CANNOT)
