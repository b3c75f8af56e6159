"""Benchmarks anyone can run again: scanning, archives, review, scarce samples, sections."""
