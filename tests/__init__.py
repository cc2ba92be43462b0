"""Tests of gamespec."""
