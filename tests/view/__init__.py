"""Tests of pictures, pages and sweeps."""
