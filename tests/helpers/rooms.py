"""The shape of the house."""

# The rooms, in the order in which a sound, and then a run, passes through them; each imports only what stands before.
ORDER = ("errors", "arguments", "registry", "words", "records", "processors", "spec", "files", "kept_arrays",
         "specfile", "requirements", "progress", "workspace", "run_metrics",
         "native", "audio", "data", "speech", "record", "features", "engine", "explore", "model", "train",
         "quantize", "detect", "validate", "calibrate", "export", "device", "listen", "monitor", "pipeline", "bench",
         "cli", "__main__")
