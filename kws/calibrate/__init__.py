"""Thresholds and smoothing, chosen on recordings."""
