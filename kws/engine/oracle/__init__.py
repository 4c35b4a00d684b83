"""The specification of the C engine: the same integer arithmetic in readable NumPy."""
