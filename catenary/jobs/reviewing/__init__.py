"""What people do with findings: queue, decisions, joins, defects, reports, labels from them."""
