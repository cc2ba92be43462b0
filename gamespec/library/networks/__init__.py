"""library/networks."""
