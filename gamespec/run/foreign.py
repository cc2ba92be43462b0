"""What `py("module:Name")` stands for: imported only where the caller, or the project that one runs in, allows the module.

A name is an attribute of the module itself, not of what it imports, and was made in an allowed module as well: allowing
`textmodels` does not allow what `textmodels` happens to import.
"""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from gamespec.check.constant import plain_use
from gamespec.report.suggest import nearest
from gamespec.run import link

if TYPE_CHECKING:
    from torch import nn

    from gamespec.ir.game import Use
    from gamespec.report.source import Span
    from gamespec.run.contract import Checked

STREAM = 4095
"""Number of the random stream that foreign code draws its first weights from."""


def nets(checked: Checked, given: dict[str, nn.Module], allow: tuple[str, ...], seed: int) -> dict[str, nn.Module]:
    """What was given, and every network of `py` that was not. Raises GameError with GE601, GE605 or GE612."""
    found = [(n.name, n.source) for n in checked.game.nets if n.source is not None]
    return {name: _made(checked, source, f"net:{name}", allow, seed) for name, source in _missing(found, given)} | given


def data(checked: Checked, given: dict[str, object], allow: tuple[str, ...], seed: int) -> dict[str, object]:
    """The same for data sources; of distributions the functions themselves, which are called with their options at every draw."""
    found = [(d.name, d.source) for d in checked.game.data]
    made = {name: _made(checked, source, f"data:{name}", allow, seed) for name, source in _missing(found, given)}
    for name, source in _missing([(d.name, d.source) for d in checked.game.dists], given):
        place, folder = str(plain_use(source)[0][0]), Path(checked.source.name).resolve().parent
        made[name] = _resolved(place, allow, link.span(checked, f"dist:{name}"), folder)
    return made | given


def project(folder: Path) -> tuple[str, ...]:
    """The modules that the project around a folder allows: `allow-import` under `[tool.gamec]` of the nearest pyproject.toml."""
    path = next((p / "pyproject.toml" for p in (folder, *folder.parents) if (p / "pyproject.toml").is_file()), None)
    if path is None:
        return ()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return ()  # not ours to judge: nothing is allowed by a file that cannot be read
    listed = table.get("tool", {}).get("gamec", {}).get("allow-import", [])
    return tuple(name for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()


def _missing(found: list[tuple[str, Use]], given: dict[str, Any]) -> list[tuple[str, Use]]:
    return [(name, source) for name, source in found if source.word == "py" and name not in given]


def _allowed(module: str, allow: tuple[str, ...]) -> bool:
    """Whether a module, or a package that it lies in, is on the list."""
    return any(module == name or module.startswith(f"{name}.") for name in allow)


def _made(checked: Checked, source: Use, key: str, allow: tuple[str, ...], seed: int) -> Any:  # noqa: ANN401  # foreign; until 2027-11
    (place, *_), options = plain_use(source)
    at = link.span(checked, key)
    make = _resolved(str(place), allow, at, Path(checked.source.name).resolve().parent)
    try:
        with _folder(Path(checked.source.name).resolve().parent), _seeded(seed):
            return make(**options)
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise link.refusal("GE601", f"`{place}` cannot be made", at, "called with the options written here", (said,)) from error


def _resolved(place: str, allow: tuple[str, ...], at: Span, folder: Path) -> Any:  # noqa: ANN401  # foreign; until 2027-11
    """The class or function at `module:Name`."""
    module, _, name = place.partition(":")
    if not _allowed(module, allow):
        top = module.partition(".")[0]
        raise link.refusal(
            "GE612", f"`{module}` is not on the allow-list", at, "nothing was imported",
            hint=f"where you trust it, run with `--allow-import {top}`, or write `allow-import = [\"{top}\"]` under [tool.gamec] in pyproject.toml",
        )  # fmt: skip
    try:
        with _folder(folder):
            found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise link.refusal("GE605", f"there is no module `{error.name}`", at, hint="put it beside the game, or install it") from None
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise link.refusal("GE601", f"`{module}` cannot be imported", at, "", (said,)) from error
    made = None if name.startswith("_") else vars(found).get(name)
    if not callable(made):
        public = [n for n, value in vars(found).items() if callable(value) and not n.startswith("_")]
        near = nearest(name, public)
        raise link.refusal("GE601", f"`{module}` has no class or function `{name}`", at, f"did you mean `{near}`?" if near else "",
                           hint=f"write `py(\"{module}:{near}\")`" if near else "name a public class or function of it")  # fmt: skip
    home = str(getattr(made, "__module__", ""))
    if not _allowed(home, allow):
        raise link.refusal("GE612", f"`{place}` comes from `{home}`, which is not on the allow-list", at, hint=f"allow `{home}` where you trust it")
    return made


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Modules beside the game are found, behind everything that is installed."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Foreign code draws from torch's global generator: it stands at a stream of the seed, and is put back afterwards."""
    before = torch.get_rng_state()
    torch.set_rng_state(torch.Generator().manual_seed(seed * 4096 + STREAM).get_state())
    try:
        yield
    finally:
        torch.set_rng_state(before)
