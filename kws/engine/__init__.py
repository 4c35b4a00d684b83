"""The integer engine: networks to streaming programs, their plan, and the NumPy oracle."""
