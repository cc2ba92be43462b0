"""library/data."""
