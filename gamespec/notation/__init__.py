"""A game in other notations."""
