"""Fits networks to labelled sets."""
