"""A solver and a set that live outside the package: one file each."""
