"""library/rules."""
