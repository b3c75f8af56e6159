"""Labelled scenes rendered from a three-dimensional description."""
