"""The run directory."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from gamespec.run import store


def test_numbers_go_up(tmp_path):
    """A second run of a game does not touch the first."""
    names = [store.create(tmp_path, "rps", "abc").path.name for _ in range(3)]

    assert names == ["rps-abc-1", "rps-abc-2", "rps-abc-3"]


def test_parallel_runs_get_different_directories(tmp_path):
    """Whoever makes the directory first has it."""
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: store.create(tmp_path, "rps", "abc").path, range(32)))

    assert len(set(paths)) == 32


@pytest.mark.parametrize("name", ["../../etc", "a/b", "/abs", "", "..", "C:\\x", "a\0b", "x" * 500, "-rf"])
def test_no_name_leaves_its_folder(name, tmp_path):
    """Names of games become one component of a path."""
    path = store.create(tmp_path, name, "abc").path

    assert path.parent == tmp_path
    assert len(path.name) < 100


def test_players_of_any_name_have_files_of_their_own(tmp_path):
    """Also on a disk where capitals do not count, and in Greek."""
    names = ["G", "g", "q[0]", "q 0", "δ", "../x"]
    kept = store.create(tmp_path, "g", "h")
    table = kept.players({name: torch.tensor(float(i)) for i, name in enumerate(names)})
    files = [table[name]["file"] for name in names]
    back = [store.read_tensors(kept.path / file)["value"].item() for file in files]

    assert back == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert len({file.casefold() for file in files}) == len(names)


def test_shared_and_strided_tensors_are_written(tmp_path):
    """Tied weights and transposed ones are copied."""
    layer = torch.nn.Linear(2, 2)
    layer.register_parameter("tied", layer.weight)
    layer.register_buffer("turned", torch.arange(6.0).reshape(2, 3).t())
    kept = store.create(tmp_path, "g", "h")
    table = kept.players({"h": layer})
    back = store.read_tensors(kept.path / table["h"]["file"])

    assert torch.equal(back["tied"], layer.weight)
    assert torch.equal(back["turned"], layer.turned)


def test_json_files_are_json_and_numbers_come_back(tmp_path):
    """NaN is no JSON number; it comes back as one all the same, and words stay words."""
    kept = store.create(tmp_path, "g", "h")
    value = {"a": math.inf, "b": [1.5, -math.inf], "status": "nan"}
    path = kept.json("x.json", value)
    json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(word))

    assert store.read_json(path) == value


def test_lines_are_on_disk_at_once_and_a_torn_last_line_is_left_out(tmp_path):
    """A crash costs one line at most."""
    kept = store.create(tmp_path, "g", "h")
    kept.line({"step": 1})
    kept.line({"step": 2, "losses": {"h": math.nan}})
    path = kept.path / "metrics.jsonl"
    seen = store.read_lines(path)
    kept.close()
    path.write_text(path.read_text() + '{"step": 3, "los')

    assert [row["step"] for row in seen] == [1, 2]
    assert len(store.read_lines(path)) == 2


def test_nothing_is_left_beside_the_files(tmp_path):
    """Files are written whole or not at all."""
    kept = store.create(tmp_path, "g", "h")
    kept.text("a.txt", "x")
    kept.text("a.txt", "y")
    kept.close()

    assert sorted(p.name for p in kept.path.iterdir()) == ["a.txt", "metrics.jsonl"]
