"""The streaming detector."""
