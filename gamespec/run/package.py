"""A traced step as machine code: built once by torch's ahead-of-time compiler, kept by content, loaded in milliseconds."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gamespec.run.products import lowered
from gamespec.run.traced import UntraceableError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from gamespec.run.traced import Traced

Runner = Callable[[list[Tensor]], list[Tensor]]
"""Takes the flat inputs of a traced step, changes the state among them in place, gives the objectives."""

_KEPT = 64
"""Packages in the cache; the ones unused for longest go first."""

_QUICK = {
    "cpp.vec_isa_ok": True,  # the processor says which instructions it has; torch would try each in a program of its own
    "aot_inductor.precompile_headers": False,  # pays from the second step on, and most runs compile one
}
"""Settings of torch's compiler: a fifth of the time to compile goes, that of the 2-D GAN from 17 to 13.5 s of processor time."""


def compiler() -> str | None:
    """The C++ compiler that torch will call; None where there is none."""
    wanted = [os.environ[name] for name in ("CXX",) if os.environ.get(name)] or ["g++", "clang++", "c++"]
    return next((found for name in wanted if (found := shutil.which(name))), None)


def folder() -> Path:
    """Where packages are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gamespec" / "steps"


def place(traced: Traced) -> Path:
    """The file of a step: the same for the same operations, shapes, constants, torch, threads and processor."""
    parts = ["once", traced.graph.code, torch.__version__, str(torch.get_num_threads()), torch.backends.cpu.get_cpu_capability()]
    parts += [f"{tuple(t.shape)} {t.stride()} {t.dtype} {t.device}" for t in traced.inputs]
    parts += [f"{name} {t.tolist()}" for name, t in traced.graph.named_buffers()]
    parts += [f"{name} {t.tolist()}" for name, t in sorted(vars(traced.graph).items()) if isinstance(t, Tensor)]
    parts += [torch.cuda.get_device_name(t.device) for t in traced.inputs[:1] if t.is_cuda]
    return folder() / f"{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:32]}.pt2"


def load(path: Path) -> Runner:
    """A built package, without loading the compiler. UntraceableError where it cannot be read."""
    try:
        loader = torch._C._aoti.AOTIModelPackageLoader(str(path), "model", False, 1, -1)
    except (RuntimeError, AttributeError) as error:
        path.unlink(missing_ok=True)
        raise UntraceableError(f"its package cannot be loaded: {error}"[:200]) from error
    os.utime(path)
    runner: Runner = loader.run
    return runner


def build(traced: Traced, path: Path) -> None:
    """Compile a step into a package. UntraceableError, with what the compiler says, where that fails."""
    if compiler() is None:
        raise UntraceableError("there is no C++ compiler on this machine; install g++ or clang++, or set CXX")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        made = Path(scratch) / "step.pt2"
        try:
            program = torch.export.export(traced.graph, tuple(t.clone() for t in traced.inputs)).run_decompositions({})
            _once(program)
            with lowered(traced.graph):
                _compiled(program, made)
        except Exception as error:
            raise UntraceableError(" ".join(f"{type(error).__name__}: {error}".split())[:200]) from error
        os.replace(made, path)
    old = sorted(path.parent.glob("*.pt2"), key=lambda p: p.stat().st_mtime)[:-_KEPT]
    for other in old:
        with contextlib.suppress(OSError):
            other.unlink()


def _compiled(program: ExportedProgram, made: Path) -> None:
    """Make the package, first without what takes a compiler long and a step nothing; as torch has it where that fails."""
    from torch._inductor import aoti_compile_and_package, config

    known = config.get_config_copy()
    try:
        with config.patch({name: value for name, value in _QUICK.items() if name in known}):
            aoti_compile_and_package(program, package_path=str(made))
    except Exception:  # whatever failed may have been what was left out: an old compiler does not know every instruction
        aoti_compile_and_package(program, package_path=str(made))


def _once(program: ExportedProgram) -> None:
    """Compute every operation once that stands there twice; the program changes nothing in place, so that equal is equal."""
    try:
        from torch._functorch.compile_utils import fx_graph_cse
    except ImportError:  # a private name of torch; what it saves is work that is done twice
        return
    program.graph_module.graph = fx_graph_cse(program.graph_module.graph)
    program.graph_module.recompile()


def captured(run: Runner, inputs: list[Tensor]) -> Runner:
    """The step as one CUDA graph, replayed on the same memory: inputs are copied in, the state stays where it is.

    Warm-up steps change the state, so the caller puts it back.
    """
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it without annotations; until 2027-11
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run(inputs)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = run(inputs)

    def again(given: list[Tensor]) -> list[Tensor]:
        for mine, other in zip(inputs, given, strict=True):
            if mine.data_ptr() != other.data_ptr():
                mine.copy_(other, non_blocking=True)
        graph.replay()
        return [t.clone() for t in found]

    return again
