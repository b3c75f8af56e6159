"""Readers and writers, one for each way a run lies on disk."""
