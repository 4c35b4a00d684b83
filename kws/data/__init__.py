"""Recordings: the corpus, download, import, what is there."""
