"""kws: a keyword spotter from recordings to a microcontroller."""
