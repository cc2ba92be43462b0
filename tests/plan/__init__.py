"""Tests of gamespec.plan."""
