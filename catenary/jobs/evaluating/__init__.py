"""Evaluating a bundle on a labelled set, in figures, text and pictures."""
