"""The streaming detector and what feeds it."""
