"""catenary: finds defects of railway overhead lines in 4C night photographs."""

__version__ = "0.1.0"
