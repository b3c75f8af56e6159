"""Training, calibrating, measuring and promising what a model does."""
