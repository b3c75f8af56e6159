"""A scan from the command to its last row: assembled, planned, watched, written, told of."""
