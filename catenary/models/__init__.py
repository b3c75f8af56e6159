"""Networks: located components and their conditions, loaded from bundles."""
