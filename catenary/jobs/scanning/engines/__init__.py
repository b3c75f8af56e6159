"""Who judges the photographs of a scan: threads of this process, or workers of a cluster."""
