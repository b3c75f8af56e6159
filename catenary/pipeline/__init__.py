"""From a frame to findings; no files, no database."""
