"""One file per speech synthesizer, all behind the interface in kws.speech.engines.interface."""
