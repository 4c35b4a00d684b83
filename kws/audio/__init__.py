"""Any sound to int16 mono at 16 kHz: files, pipes, microphones; where words lie in it."""
