"""Sound out of nothing: synthesizers behind one interface, what they say, and noise."""
