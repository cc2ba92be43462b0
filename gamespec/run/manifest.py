"""The manifest of a run: everything needed to make it again."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from typing import TYPE_CHECKING, Any

import torch

from gamespec import __version__

if TYPE_CHECKING:
    from gamespec.run.execute import Run


def manifest(run: Run, device: str) -> dict[str, Any]:
    """What is known before the first step."""
    module, request = run.module, run.request
    return {
        "format": 1,
        "game": module.NAME,
        "source": run.checked.source.name,
        "schedule": module.SCHEDULE,
        "seed": run.seed,
        "steps": module.STEPS if request.steps is None else request.steps,
        "overrides": dict(request.overrides),
        "given": {"nets": sorted(request.nets), "data": sorted(request.data)},
        "defaults": str(run.compiled.choice).splitlines(),
        "hashes": {
            "game": run.checked.game.hash(),
            "source": _digest(run.checked.source.text),
            "program": _digest(run.compiled.program.text),
        },
        "versions": {"gamespec": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "device": device,
        "device_name": torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.machine(),
        "threads": torch.get_num_threads(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
        "platform": sys.platform,
        "status": "running",
        "seconds": 0.0,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
