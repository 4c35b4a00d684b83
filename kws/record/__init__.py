"""Guided recording sessions."""
