"""Findings as files for people and programs."""
