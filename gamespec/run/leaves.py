"""The state of a program as tensors by path, which can be put in place of each other and back again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

State = Any

_DEPTH = 3
"""How deep an object of the state is looked into: a step rule, and what it keeps."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of the state: `box[key]` is the tensor, `path` how it is called."""

    path: str
    box: Any
    key: Any

    @property
    def tensor(self) -> Tensor:
        """What stands there now."""
        found: Tensor = self.box[self.key]
        return found


def slots(state: State, skipped: tuple[type, ...] = ()) -> list[Slot]:
    """Every tensor of a state: variables, tables, weights and buffers of networks, what step rules remember."""
    return list(_slots("", state.__dict__, skipped, 0))


def _slots(path: str, box: Any, skipped: tuple[type, ...], depth: int) -> Iterator[Slot]:  # noqa: ANN401  # a dict or a list; until 2027-11
    for key, value in list(box.items() if isinstance(box, dict) else enumerate(box)):
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, Tensor):
            yield Slot(here, box, key)
        elif isinstance(value, nn.Module):
            for name, module in value.named_modules():
                for kept in (module._parameters, module._buffers):
                    yield from (Slot(f"{here}.{name}.{k}", kept, k) for k, t in kept.items() if t is not None)
        elif isinstance(value, (torch.Generator, *skipped)) or depth >= _DEPTH:
            continue
        elif isinstance(value, (dict, list)):
            yield from _slots(here, value, skipped, depth + 1)
        elif hasattr(value, "__dict__"):
            yield from _slots(here, value.__dict__, skipped, depth + 1)


def numbers(state: State, skipped: tuple[type, ...] = ()) -> dict[str, object]:
    """The plain numbers of a state and of its step rules by path, the count of steps left out."""
    found: dict[str, object] = {}
    for key, value in state.__dict__.items():
        if key != "k" and isinstance(value, (bool, int, float, str)):
            found[key] = value
        elif not isinstance(value, (Tensor, nn.Module, torch.Generator, *skipped)) and hasattr(value, "__dict__"):
            found |= {f"{key}.{k}": v for k, v in value.__dict__.items() if isinstance(v, (bool, int, float, str))}
    return found


@contextmanager
def standing_in(state: State, skipped: tuple[type, ...], change: Callable[[Slot], Tensor | None]) -> Iterator[None]:
    """Inside, `change(slot)` stands in each slot; afterwards the state is what it was, whatever was assigned inside."""
    before = slots(state, skipped)
    held = [slot.tensor for slot in before]
    boxes = [state.__dict__, *(v.__dict__ for v in state.__dict__.values() if type(v).__module__ == type(state).__module__)]
    shallow = [(box, {k: list(v) if isinstance(v, list) else v for k, v in box.items()}, dict(box)) for box in boxes]
    try:
        for slot in before:
            other = change(slot)
            if other is not None:
                slot.box[slot.key] = other
        yield
    finally:
        for box, _, values in shallow:
            box.clear()
            box.update(values)
        for slot, tensor in zip(before, held, strict=True):
            slot.box[slot.key] = tensor
