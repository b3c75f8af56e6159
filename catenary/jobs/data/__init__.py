"""Labelled sets: made, injected, audited, split, delivered."""
