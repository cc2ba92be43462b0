"""Tests of gamespec.solvers."""
