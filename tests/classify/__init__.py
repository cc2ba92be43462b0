"""Tests of gamespec.classify."""
