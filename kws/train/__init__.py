"""How it is learnt: the loop, workers, transfer."""
