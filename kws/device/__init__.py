"""The device in a box: the export cross-compiled, run on an emulated processor, proven and measured."""
