"""Features: the fixed-point front end and its float reference."""
