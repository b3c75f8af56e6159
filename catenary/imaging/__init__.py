"""Pixels in, pixels or measurements out; no files, no verdicts."""
