"""Wiring: who is handed to whom; the only place that knows both pipeline and store."""
