"""A device at a serial port: its line protocol, its sound, its parity with the PC."""
