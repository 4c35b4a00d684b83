"""Speech and noise out of nothing."""
