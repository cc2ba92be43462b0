"""Paired timings: emitted steps against the best hand-written eager loop for the same work."""
