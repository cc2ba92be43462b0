"""The manifest of a run: everything needed to make it again."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from gamespec import __version__
from gamespec.run.kept import FORMAT

if TYPE_CHECKING:
    from gamespec.run.execute import Run


def manifest(run: Run, device: str, steps: int, data: Mapping[str, str]) -> dict[str, Any]:
    """What is known before the first step; `data` are checksums of what the players learn from, by place in the state."""
    module, request = run.module, run.request
    return {
        "format": FORMAT,
        "game": module.NAME,
        "source": run.checked.source.name,
        "schedule": module.SCHEDULE,
        "seed": run.seed,
        "steps": steps,
        "overrides": dict(request.overrides),
        "given": {"nets": sorted(request.nets), "data": sorted(request.data)},
        "data": dict(data),
        "choice": str(run.compiled.choice).splitlines(),
        "defaults": dict(getattr(run.compiled.plan, "defaults", ())),
        "checkpoint_every": request.every,
        "compile": request.compile,
        "starts": request.starts,
        "hashes": {
            "game": run.checked.game.hash(),
            "source": _digest(run.checked.source.text),
            "program": _digest(run.compiled.program.text),
        },
        **machine(device),
        "status": "running",
        "seconds": 0.0,
    }


def machine(device: str) -> dict[str, Any]:
    """Versions and machine: where these are others, so may the last bits be."""
    return {
        "versions": {"gamespec": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "device": device,
        "device_name": torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.machine(),
        "threads": torch.get_num_threads(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
        "platform": sys.platform,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
