"""Frozen values every room speaks in; numpy and the standard library only."""
