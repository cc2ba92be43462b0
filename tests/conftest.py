"""What all tests share: one thread for the numbers, and in CI the same examples at every run."""

from __future__ import annotations

import os

from hypothesis import settings

# Read when torch loads, here and in the processes that tests start: bits depend on the number of threads.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
# Idle threads otherwise burn the cores that others work on.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

# The first call into torch alone takes longer than hypothesis allows an example.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")
