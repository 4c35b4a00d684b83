"""Recordings: corpus, download, import, synthesis, augmentation."""
