"""Benchmarks and checks: the figures behind the documentation. `python -m kws.bench` lists them."""
