"""A plan, its limits, the ledger, and the only writer of session state."""
