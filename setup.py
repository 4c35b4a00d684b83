"""Compiles the C engine; everything else stands in pyproject.toml."""

from setuptools import setup

setup(cffi_modules=["kws/engine/build.py:builder"])
