"""Labelled image sets: formats and values."""
