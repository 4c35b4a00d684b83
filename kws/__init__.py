"""kws: a keyword spotter from recordings to a microcontroller."""

__version__ = "0.1.0"
