"""The intermediate representation: a game as an immutable value."""
