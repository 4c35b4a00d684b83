"""Packages for devices: the engine's C as it is, and a generated model that holds nothing but data."""
