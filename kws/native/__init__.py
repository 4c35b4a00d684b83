"""The C that a device runs, compiled into Python: the sources, their build, the binding."""
