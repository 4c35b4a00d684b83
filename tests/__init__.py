"""The tests, a folder for each room of kws/."""
