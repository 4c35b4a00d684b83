"""Live from a microphone or from a device at a serial port."""
