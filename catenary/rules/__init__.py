"""Classical vision: pure functions from crop to evidence."""
