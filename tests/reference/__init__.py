"""A slow and obvious interpreter of plans, and what the emitted programs say beside it."""
