"""A program for another Python that lacks a library."""

NO_PORTAUDIO = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "sounddevice":
            raise OSError("PortAudio library not found")

sys.meta_path.insert(0, Missing())
"""
