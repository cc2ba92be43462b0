"""Kernels: the numeric leaves of emitted programs, in plain torch."""
