"""What deployed detectors heard: kept, compared with what was expected, and led back into training."""
