"""A serial port: bytes as they come; one that is missing, busy or gone raises DeviceError with the next step."""

import errno
import os

from kws.errors import DeviceError

WAIT_S = 0.1
AT_ONCE_BYTES = 65_536


def list_ports() -> list[str]:
    """Names of the serial ports that hardware stands behind."""
    from serial.tools.list_ports import comports

    return sorted(port.device for port in comports() if port.hwid != "n/a")


class Port:
    """An open serial port, for this program alone."""

    def __init__(self, name: str, *, baud: int):
        """Raises DeviceError if it cannot be opened."""
        import serial

        self.name = name
        self._error = serial.SerialException
        try:
            self._serial = serial.Serial(name, baud, timeout=WAIT_S, exclusive=True)
        except (OSError, ValueError) as error:
            raise DeviceError(refusal(name, error)) from error

    def read(self) -> bytes:
        """What has come since the last call; waits up to WAIT_S for something.

        Raises DeviceError if the device is gone.
        """
        try:
            first = self._serial.read(1)
            return first + self._serial.read(min(self._serial.in_waiting, AT_ONCE_BYTES)) if first else first
        except (OSError, TypeError) as error:  # TypeError: closed while it was read
            raise DeviceError(f"{self.name}: is gone and sends nothing any more") from error

    def close(self) -> None:
        """Safe to call twice and after it is gone."""
        self._serial.close()


def refusal(name: str, error: Exception) -> str:
    """What is wrong with a port that cannot be opened, and what to do."""
    if not os.path.exists(name):
        ports = list_ports()
        return (f"{name}: no such serial port; there are: {', '.join(ports)}" if ports
                else f"{name}: no such serial port, and no other either; plug in the device")
    number = getattr(error, "errno", None)
    if number in (errno.EBUSY, errno.EAGAIN):
        return f"{name}: is busy; close the serial monitor, or whatever else has it open"
    if number == errno.EACCES:
        return f"{name}: permission denied; add yourself to the group that owns it (dialout or uucp), and log in again"
    return f"{name}: cannot be opened as a serial port ({str(error).rstrip('.')}); name another one"
