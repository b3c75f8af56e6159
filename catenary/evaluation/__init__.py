"""Compares findings with labels: rates, intervals, calibration."""
