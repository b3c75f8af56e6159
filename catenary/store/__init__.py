"""The workspace on disk: ledger, findings, shards."""
