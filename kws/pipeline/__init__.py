"""From settings and recordings to a run: every stage in order."""
