"""Tests of gamespec.emit."""
