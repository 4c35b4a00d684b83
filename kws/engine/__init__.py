"""The integer engine: networks to streaming programs, in C and in its NumPy oracle."""
