"""The user's device, networks and data against what the game declares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from gamespec.report.diagnostic import GameError
from gamespec.report.source import Span
from gamespec.run import link

from .programs import Checked, game

PLACE = Span("toy.game", 2, 6)
A, B = torch.rand(10, 3, generator=torch.Generator().manual_seed(0)), torch.arange(10) % 2


def refused(call, *args):
    """The one diagnostic of a refusal."""
    with pytest.raises(GameError) as caught:
        call(*args)
    (found,) = caught.value.diagnostics
    return found


class Pairs:
    """A dataset of Python pairs."""

    def __len__(self):
        return 10

    def __getitem__(self, i):
        return A[i], int(B[i])


@pytest.mark.parametrize(
    "given",
    [
        (A, B),
        [A, B],
        {"b": B, "a": A},
        (A.numpy(), B.numpy()),
        TensorDataset(A, B),
        DataLoader(TensorDataset(A, B), batch_size=3),
        DataLoader(Pairs(), batch_size=4),
        Pairs(),
        [(A[i], int(B[i])) for i in range(10)],
        ({"a": A[i], "b": B[i]} for i in range(10)),
    ],
)
def test_tables_of_every_form_become_the_same_tensors(given):
    """Tensors, arrays, dicts, datasets, loaders and generators."""
    a, b = link.table(game().data[0], given, PLACE)

    assert torch.equal(a, A)
    assert torch.equal(b, B)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((A,), ["has 1 columns, not 2"]),
        ((A, B[:5]), ["no common length", "`a` 10, `b` 5"]),
        ((A[:, :2], B), ["row 0 has shape [2], needed [3]"]),
        ((A, B + (torch.arange(10) == 7) * 5), ["not class[2]", "row 7 holds 6, needed between 0 and 1"]),
        ((A, B.float()), ["a float", "labels.long()"]),
        ((torch.where(torch.arange(10)[:, None] == 4, float("nan"), A), B), ["row 4 holds nan, needed a number"]),
        ((A * 255, B), ["leaves its declared range", "needed between 0 and 1", "divide by 255"]),
        ({"a": A}, ["no column `b`"]),
        ((A[:0], B[:0]), ["no common length"]),
        (7, ["is no table", "int given"]),
        ([(A[i] if i != 6 else A[i][:2], B[i]) for i in range(10)], ["row 6 differs from row 0"]),
        (iter([]), ["has no rows"]),
    ],
)
def test_data_of_another_type_is_refused_with_its_first_row(given, words):
    """The message says what was needed, and in which row it was not."""
    found = refused(link.table, game().data[0], given, PLACE)
    said = " ".join([found.message, found.primary.text, found.hint])

    assert (found.code, found.primary.span) == ("GE602", PLACE)
    assert [w for w in words if w not in said] == []


def test_endless_data_is_refused():
    """A generator that never ends is stopped at the bound."""
    endless = iter(lambda: (A[0], B[0]), None)

    assert "more than 50 rows" in refused(link.table, game().data[0], endless, PLACE, 50).message


def test_bytes_become_floats():
    """Whole numbers in a real column are numbers."""
    a, _ = link.table(game().data[0], (np.ones((4, 3), dtype=np.uint8), np.zeros(4, dtype=np.int32)), PLACE)

    assert a.dtype == torch.get_default_dtype()


def test_a_bound_rounded_to_float32_is_inside():
    """Range checks forgive the last bit."""
    high = torch.full((2, 3), 1.0) + 1e-7

    assert len(link.table(game().data[0], (high, B[:2]), PLACE)) == 2


@pytest.mark.parametrize(
    ("call", "given"), [(link.nets, {"hh": torch.nn.Linear(3, 1)}), (link.data, {"trian": (A, B)})]
)
def test_unknown_names_are_refused_with_a_suggestion(call, given):
    """What is given has to be declared."""
    found = refused(call, Checked(), given)

    assert found.code == "GE607"
    assert "did you mean" in found.hint


def test_what_is_declared_given_has_to_be_given():
    """A hole is filled or named."""
    found = refused(link.nets, Checked(game(given=True)), {})

    assert (found.code, "nets=" in found.hint) == ("GE604", True)


@pytest.mark.parametrize(
    ("module", "word"),
    [
        (torch.nn.Linear(4, 1), "does not take R[3]"),
        (torch.nn.Linear(3, 2), "shape [2] given, [1] needed"),
        (len, "a torch.nn.Module needed"),
    ],
)
def test_a_network_of_another_shape_is_refused(module, word):
    """A given network is tried once."""
    found = refused(link.nets, Checked(), {"h": module})

    assert found.code == "GE601"
    assert word in f"{found.message} {found.primary.text}"


def test_trying_a_network_leaves_it_as_it_was():
    """Modes and running statistics stay."""
    net = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.BatchNorm1d(1), torch.nn.Dropout())
    net[2].eval()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    link.nets(Checked(), {"h": net})

    assert [m.training for m in net.modules()] == [True, True, True, False]
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "meta", "no device"])
def test_a_device_that_is_not_there_is_refused(name):
    """With what to type instead."""
    found = refused(link.device, Checked(), name)

    assert (found.code, "--device cpu" in found.hint) == ("GE606", True)


def test_the_cpu_is_always_there():
    """The default."""
    assert link.device(Checked(), "cpu") == "cpu"


def test_places_come_from_the_span_map():
    """The declaration of the data, where it is known."""
    checked = Checked(spans={"data:train": PLACE})

    assert refused(link.data, checked, {"train": (A,)}).primary.span == PLACE
    assert link.span(checked, "net:h") == Span("toy.game", 0, 0)
