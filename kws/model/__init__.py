"""The network: zoo, examples, training."""
