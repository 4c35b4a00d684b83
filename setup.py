"""Compiles the C engine; everything else stands in pyproject.toml."""

import sysconfig

from setuptools import setup

# cffi's module keeps to Python's stable interface, so one wheel serves 3.11 and all that follow (but free-threaded
# Pythons, which have no such interface).
stable = {} if sysconfig.get_config_var("Py_GIL_DISABLED") else {"bdist_wheel": {"py_limited_api": "cp311"}}

setup(cffi_modules=["kws/native/build.py:make_builder"], options=stable)
