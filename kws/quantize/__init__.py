"""From a trained network to int8."""
