"""How well a detector works, with intervals."""
