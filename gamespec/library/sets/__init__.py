"""library/sets."""
