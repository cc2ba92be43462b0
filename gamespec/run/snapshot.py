"""The whole state of a program as plain values and tensors, and back: nothing in it is left out.

Every attribute of the state is walked, whatever put it there. What does not change while a game is played (tensors of
data, functions) is only marked, and compared with the fresh state that a program starts from. A thing that cannot be
kept is a mistake of ours and is named: a checkpoint never forgets in silence. Things that are one stay one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gamespec.library.data.disk import rows_at_once
from gamespec.report.diagnostic import InternalError
from gamespec.run.growth import lengths
from gamespec.run.store import packed

if TYPE_CHECKING:
    from gamespec.run.contract import State

_PLAIN = (bool, int, str, type(None))
_AT_ONCE = 2**26
"""Bytes of a tensor whose checksum is made of one piece."""

_ATOMS = (torch.dtype, torch.device, type)


class Mismatch(Exception):  # noqa: N818  # a reason, told by whoever opens the checkpoint; until 2027-11
    """Why a snapshot does not belong to a state."""


@dataclass(frozen=True)
class Snapshot:
    """A state: `tree` is plain JSON, `tensors` are on the CPU and safe against later steps."""

    tree: dict[str, Any]
    tensors: dict[str, Tensor]


@dataclass(frozen=True)
class Base:
    """What a state holds before its first step that no step may change: tensors inside tuples, which are data.

    And, to see what grows, how long each of its networks is.
    """

    tensors: Mapping[str, tuple[Tensor, int]]
    lengths: Mapping[str, float] = field(default_factory=dict)

    def has(self, path: str, tensor: Tensor) -> bool:
        """Whether this is still the tensor that stood here, unwritten."""
        found = self.tensors.get(path)
        return found is not None and found[0] is tensor and found[1] == tensor._version

    def fingerprints(self) -> dict[str, str]:
        """A checksum of each tensor: type, shape and bytes."""
        return {path: fingerprint(tensor) for path, (tensor, _) in self.tensors.items()}


def base(state: State) -> Base:
    """The data of a state that has just been started: tensors in tuples and dicts that the state itself holds."""
    found = {path: t for name, value in vars(state).items() if isinstance(value, tuple | dict) for path, t in _leaves(name, value)}
    return Base({path: (t, t._version) for path, t in found.items()}, lengths(state))


def _leaves(path: str, value: object) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield path, value
    elif isinstance(value, tuple):
        for k, item in enumerate(value):
            yield from _leaves(f"{path}.{k}", item)
    elif isinstance(value, dict):
        for k, item in value.items():
            yield from _leaves(f"{path}.{k}", item)


def fingerprint(tensor: Tensor) -> str:
    """SHA-256 of type, shape and bytes; of a table that may not fit into memory, of its rows a part at a time."""
    if tensor.nbytes > _AT_ONCE:
        digest = hashlib.sha256()
        for part in torch.split(tensor, rows_at_once(tensor)):
            digest.update(packed({"value": part.contiguous()}))
        return digest.hexdigest()
    return hashlib.sha256(packed({"value": tensor})).hexdigest()


def captured(state: State, start: Base) -> Snapshot:
    """A copy of everything in a state. Error: InternalError naming what cannot be kept."""
    capture = _Capture(start)
    names = sorted(vars(state), key=lambda name: not isinstance(getattr(state, name), nn.Module))
    # Networks first: what others share with them is theirs.
    tree = {name: capture.node(name, getattr(state, name)) for name in names}
    return Snapshot(tree, capture.tensors)


@dataclass
class _Capture:
    start: Base
    tensors: dict[str, Tensor] = field(default_factory=dict)
    seen: dict[int, tuple[str, object]] = field(default_factory=dict)

    def node(self, path: str, value: Any) -> Any:  # noqa: ANN401  # anything in a state; until 2027-11
        """A value as JSON."""
        if isinstance(value, _PLAIN):
            return {"plain": value}
        if isinstance(value, float):
            return {"float": value.hex()}
        if isinstance(value, _ATOMS) or _stateless(value):
            return {"fixed": _name(value)}
        if isinstance(value, tuple | list):
            return {type(value).__name__: [self.node(f"{path}.{k}", item) for k, item in enumerate(value)]}
        if isinstance(value, dict):
            return {"dict": [[_key(path, k), self.node(f"{path}.{k}", item)] for k, item in value.items()]}
        if id(value) in self.seen:
            return {"same": self.seen[id(value)][0]}
        # The value is kept beside its path: no other object gets its id while this one lives.
        self.seen[id(value)] = (path, value)
        if isinstance(value, Tensor):
            return self._tensor(path, value)
        if isinstance(value, torch.Generator):
            self.tensors[path] = value.get_state().clone()
            return {"generator": str(value.device)}
        if isinstance(value, nn.Module):
            return {"module": self._module(path, value)}
        return {"object": type(value).__qualname__, "of": {k: self.node(f"{path}.{k}", v) for k, v in _attributes(path, value).items()}}

    def _tensor(self, path: str, value: Tensor) -> dict[str, Any]:
        if self.start.has(path, value):
            return {"start": path}
        if value.grad_fn is not None:
            raise InternalError(f"the state keeps the graph behind `s.{path}`, which cannot be saved")
        self.tensors[path] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": str(value.device), "grad": value.requires_grad}

    def _module(self, path: str, net: nn.Module) -> dict[str, Any]:
        found = {}
        for name, layer in net.named_modules():
            at = f"{path}.{name}" if name else path
            if layer is not net:
                self.seen[id(layer)] = (at, layer)
            held = {**layer._parameters, **layer._buffers, **_own(layer)}
            found[name] = {key: self.node(f"{at}.{key}", value) for key, value in held.items()}
        return found


def restored(state: State, snapshot: Snapshot) -> None:
    """Put a snapshot into a state that has just been started. Error: Mismatch naming what does not fit."""
    missing = sorted({*vars(state)} - {*snapshot.tree})
    if missing:
        raise Mismatch(f"it has no `s.{missing[0]}`")
    restore = _Restore(snapshot.tensors)
    for name, node in snapshot.tree.items():
        setattr(state, name, restore.value(name, node, getattr(state, name, None)))


@dataclass
class _Restore:
    tensors: Mapping[str, Tensor]
    made: dict[str, Any] = field(default_factory=dict)

    def value(self, path: str, node: Mapping[str, Any], now: Any) -> Any:  # noqa: ANN401  # anything in a state; until 2027-11
        """The value of a node; `now` is what a fresh state has in its place."""
        (kind, held), *_ = node.items()
        if kind == "same":
            return self.made[held]
        if kind == "plain":
            return held
        if kind == "float":
            return float.fromhex(held)
        if kind == "fixed":
            if _name(now) != held:
                raise Mismatch(f"`s.{path}` was {held} and is {_name(now)}")
            return now
        if kind in ("tuple", "list"):
            items = [self.value(f"{path}.{k}", item, _item(now, k)) for k, item in enumerate(held)]
            return tuple(items) if kind == "tuple" else items
        if kind == "dict":
            return {k: self.value(f"{path}.{k}", item, now.get(k) if isinstance(now, dict) else None) for k, item in held}
        self.made[path] = made = self._thing(path, kind, held, node, now)
        return made

    def _thing(self, path: str, kind: str, held: Any, node: Mapping[str, Any], now: Any) -> Any:  # noqa: ANN401  # see `value`; until 2027-11
        if kind == "tensor":
            return self._tensor(path, held).requires_grad_(node["grad"])
        if kind == "start":
            return _is(now, Tensor, path)
        if kind == "generator":
            generator = _is(now, torch.Generator, path)
            generator.set_state(self.tensors[path])
            return generator
        if kind == "module":
            net: nn.Module = _is(now, nn.Module, path)
            layers = dict(net.named_modules())
            if set(layers) != set(held):
                raise Mismatch(f"`s.{path}` has other layers")
            for name, inside in held.items():
                self._layer(f"{path}.{name}" if name else path, layers[name], inside)
            return net
        if type(now).__qualname__ != held:
            raise Mismatch(f"`s.{path}` was a {held} and is a {type(now).__qualname__}")
        for k, item in node["of"].items():
            setattr(now, k, self.value(f"{path}.{k}", item, getattr(now, k, None)))
        return now

    def _tensor(self, path: str, device: str) -> Tensor:
        return self.tensors[path].to(device, copy=True)

    def _layer(self, path: str, layer: nn.Module, held: Mapping[str, Any]) -> None:
        """Parameters and buffers are filled where they lie: what others share with them stays shared."""
        self.made[path] = layer
        for key, node in held.items():
            at, now = f"{path}.{key}", layer._parameters.get(key, layer._buffers.get(key))
            if now is not None and "tensor" in node:
                saved = self.tensors[at]
                if saved.shape != now.shape or saved.dtype != now.dtype:
                    raise Mismatch(f"`s.{at}` was {saved.dtype} {list(saved.shape)} and is {now.dtype} {list(now.shape)}")
                with torch.no_grad():
                    now.copy_(saved)
                now.requires_grad_(node["grad"])
                self.made[at] = now
            elif "same" in node and now is not None and self.made.get(node["same"]) is now:
                continue
            else:
                setattr(layer, key, self.value(at, node, getattr(layer, key, None)))


def _stateless(value: object) -> bool:
    """A function that remembers nothing."""
    return isinstance(value, BuiltinFunctionType) or (isinstance(value, FunctionType) and not value.__closure__)


def _name(value: object) -> str:
    return str(getattr(value, "__qualname__", value))


def _key(path: str, key: object) -> object:
    if isinstance(key, _PLAIN):
        return key
    raise InternalError(f"a key of `s.{path}` is a {type(key).__name__}, and how to save it is not known")


def _item(now: object, k: int) -> object:
    return now[k] if isinstance(now, tuple | list) and k < len(now) else None


def _is(now: Any, kind: type, path: str) -> Any:  # noqa: ANN401  # anything in a state; until 2027-11
    if not isinstance(now, kind):
        raise Mismatch(f"`s.{path}` is no {kind.__name__}")
    return now


def _own(layer: nn.Module) -> dict[str, Any]:
    """What a layer remembers beside parameters and buffers: its mode, and plain values and tensors of its own."""
    kept = (*_PLAIN, float, Tensor, torch.Generator)
    return {k: v for k, v in vars(layer).items() if k == "training" or (not k.startswith("_") and isinstance(v, kept))}


def _attributes(path: str, value: object) -> dict[str, Any]:
    """The attributes of an object of the program."""
    slots = {k: getattr(value, k) for t in type(value).__mro__ for k in getattr(t, "__slots__", ()) if hasattr(value, k)}
    if not slots and not hasattr(value, "__dict__"):
        raise InternalError(f"`s.{path}` is a {type(value).__name__}, and how to save it is not known")
    if not type(value).__module__.startswith("gamespec_program"):
        raise InternalError(f"`s.{path}` is a {type(value).__qualname__}, and how to save it is not known")
    return {**slots, **getattr(value, "__dict__", {})}
