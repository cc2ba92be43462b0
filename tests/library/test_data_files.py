"""Tables from files: what is read, what is refused, and that nothing of a file is ever executed."""

from __future__ import annotations

import csv
import gzip
import io
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gamespec.emit.link import link
from gamespec.library.data.files import npz_array
from gamespec.library.registry import words

WORDS = ("npz", "csv", "parquet", "idx", "image_folder", "npz_jpeg")
KINDS = ("u1", "i1", "b1", "i2", "i4", "i8", "f2", "f4", "f8")
X = (np.arange(60 * 2 * 3) % 256).astype(np.uint8).reshape(60, 2, 3)
Y = (np.arange(60) % 3).astype(np.int64)


def promised(word: str, *args: Any, **options: Any) -> tuple[dict[str, Any], int]:
    """Columns and rows, known before anything is read in full."""
    entry = words("data")[word]
    return entry.offered(*args, **options), entry.rows(*args, **options)


def load(word: str, *args: Any, **options: Any) -> dict[str, torch.Tensor]:
    """A table, after what was promised of it was compared with what came."""
    (columns, rows), table = promised(word, *args, **options), words("data")[word].load(*args, **options)
    dtypes = {"real": torch.float32, "class": torch.int64, "index": torch.int64, "bool": torch.bool}

    assert set(columns) == set(table)
    for name, column in columns.items():
        assert table[name].shape == (rows, *column.shape)
        assert table[name].dtype == dtypes[column.kind]
        assert column.kind != "class" or 0 <= table[name].min() <= table[name].max() < column.size
        assert column.range is None or column.range[0] <= table[name].min() <= table[name].max() <= column.range[1]
    return table


def idx(values: np.ndarray) -> bytes:
    """Bytes as an IDX file has them."""
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with one file of each kind, from which a program runs."""
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "plain.npz", x=X, y=Y)
    np.savez_compressed(tmp_path / "split.npz", x_train=X[:40], y_train=Y[:40], x_test=X[40:], y_test=Y[40:])
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["age", "job", "y"], *([k / 2, "ab"[k % 2], ["no", "yes"][k % 2]] for k in range(50))])
    for name, values in (("x.idx", X), ("y.idx", Y.astype(np.uint8))):
        raw = idx(values)
        (tmp_path / name).write_bytes(raw)
        with gzip.open(tmp_path / f"{name}.gz", "wb") as packed:
            packed.write(raw)
    return tmp_path


def test_an_archive_is_read_as_numpy_reads_it(files):
    """Every row of `x` with its label, in the fixed order, and `unit` divides bytes by 255."""
    table = load("npz", "plain.npz", scale="unit")
    order = torch.randperm(60, generator=torch.Generator().manual_seed(2)).numpy()

    assert np.array_equal(table["x"].numpy(), (X[order] / np.float32(255)).astype(np.float32))
    assert np.array_equal(table["y"].numpy(), Y[order])


def test_arrays_of_a_split_stay_apart(files):
    """`x_train` and `x_test` are the splits as they lie; `all` is one after the other."""
    parts = {split: load("npz", "split.npz", split=split)["x"].numpy() for split in ("train", "test", "all")}

    assert np.array_equal(parts["train"], X[:40])
    assert np.array_equal(parts["test"], X[40:])
    assert np.array_equal(parts["all"], X)
    assert np.array_equal(load("npz", "split.npz", split="test", subset=5, offset=3)["x"].numpy(), X[43:48])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=4), st.sampled_from(KINDS), st.booleans(), st.booleans())
def test_any_plain_array_is_read(tmp_path_factory, shape, kind, fortran, packed):
    """All types and shapes, rows or columns first, packed or not, are what numpy saved."""
    values = np.random.default_rng(0).integers(0, 2, shape).astype(kind)
    values = np.asfortranarray(values) if fortran else values
    path = tmp_path_factory.mktemp("a") / "a.npz"
    (np.savez_compressed if packed else np.savez)(path, a=values)
    found = npz_array(str(path), "a")

    assert tuple(found.shape) == values.shape
    assert np.array_equal(found.numpy(), values)


class Evil:
    """Unpickling this would leave a file behind."""

    def __reduce__(self):
        """As pickle asks."""
        return (open, ("stolen", "w"))


def test_python_objects_are_refused_and_never_unpickled(tmp_path, monkeypatch):
    """An archive with objects inside gives an error that says so, and nothing of it runs."""
    monkeypatch.chdir(tmp_path)
    np.savez("evil.npz", x=np.array([Evil()], dtype=object), y=Y[:1], allow_pickle=True)
    with zipfile.ZipFile("raw.npz", "w") as archive:
        archive.writestr("x.npy", pickle.dumps(Evil()))
        archive.writestr("y.npy", pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="Python objects, which only pickle could read"):
        load("npz", "evil.npz")
    with pytest.raises(ValueError, match="no array in numpy's format"):
        load("npz", "raw.npz")

    assert not (tmp_path / "stolen").exists()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_archive_is_refused(tmp_path_factory, data):
    """Cut or with a bit flipped, a file is read whole or refused with a ValueError."""
    folder = tmp_path_factory.mktemp("d")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=X[:9], y=Y[:9])
    raw = bytearray(buffer.getvalue())
    place = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw = raw[:place]
    else:
        raw[place] ^= 1 << data.draw(st.integers(0, 7))
    (folder / "d.npz").write_bytes(raw)

    try:
        table = load("npz", str(folder / "d.npz"))
    except ValueError:
        return
    assert np.array_equal(np.sort(table["x"].numpy().ravel()), np.sort(X[:9].ravel()))


@pytest.mark.parametrize("name", ["x.idx", "x.idx.gz"])
def test_idx_is_read(files, name):
    """Images and labels of MNIST's format, packed or not."""
    table = load("idx", name, labels=f"y{name[1:]}", scale="unit")

    assert float(table["x"].max()) == 1.0
    assert sorted(table["y"].tolist()) == sorted(Y.tolist())


def test_csv_becomes_numbers(files):
    """A number is a column, a word one of two; classes are in order; rows keep together."""
    table = load("csv", "t.csv")
    age, one, other = table["x"].unbind(1)

    assert torch.equal(other.long(), table["y"])
    assert torch.equal(one + other, torch.ones(50))
    assert torch.equal((2 * age).long() % 2, table["y"])


def test_train_rows_alone_set_the_units(files):
    """With `scale = standard` the train split has mean 0 and spread 1, the test split as it comes."""
    x = load("csv", "t.csv", features=("age",), scale="standard", split="train")["x"]

    assert torch.allclose(x.mean(0), torch.zeros(1), atol=1e-6)
    assert torch.allclose(x.std(0, correction=0), torch.ones(1), atol=1e-6)


def test_missing_cells_are_kept_or_dropped(tmp_path, monkeypatch):
    """`?` is a word of its own or drops its row; a number that is missing names its row."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.csv").write_text("a,b,y\n1,p,0\n2,?,1\n,q,0\n4,q,1\n5,p,0\n")

    assert load("csv", "m.csv", features=("b",))["x"].shape == (5, 3)
    assert load("csv", "m.csv", missing="drop")["x"].shape == (3, 3)
    with pytest.raises(ValueError, match="row 3 has no number in `a`; write `missing = drop`"):
        load("csv", "m.csv")


def test_parquet_is_as_csv(files):
    """The same rows in both formats are the same table."""
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    rows = list(csv.DictReader((files / "t.csv").read_text().splitlines()))
    columns = {"age": [float(r["age"]) for r in rows], "job": [r["job"] for r in rows], "y": [r["y"] for r in rows]}
    parquet.write_table(pyarrow.table(columns), files / "t.parquet")
    one, other = load("csv", "t.csv"), load("parquet", "t.parquet")

    assert all(torch.equal(one[name], other[name]) for name in one)


def image(k: int, fmt: str) -> bytes:
    """A small picture that is as dark as its number says."""
    pillow = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    buffer = io.BytesIO()
    pillow.new("RGB", (6, 4), (10 * k, 10 * k, 10 * k)).save(buffer, fmt)
    return buffer.getvalue()


def pets(place: Path, parts: tuple[str, ...] = ("",)) -> None:
    """A folder of images of two classes."""
    for part in parts:
        for code, name in enumerate(("cat", "dog")):
            folder = place / "pets" / part / name
            folder.mkdir(parents=True)
            for k in range(5):
                (folder / f"{k}.png").write_bytes(image(10 * code + k, "PNG"))


def jpegs(place: Path) -> None:
    """An archive of twelve packed images, eight of them for training."""
    packed = [image(k, "JPEG") for k in range(12)]
    arrays = {}
    for part, chosen in (("train", packed[:8]), ("test", packed[8:])):
        arrays[f"{part}_jpeg"] = np.frombuffer(b"".join(chosen), np.uint8)
        arrays[f"{part}_offsets"] = np.cumsum([0, *map(len, chosen)])
        arrays[f"{part}_labels"] = np.arange(len(chosen), dtype=np.uint8) % 4
    np.savez(place / "j.npz", **arrays)


@pytest.mark.parametrize("split", [False, True], ids=["plain", "train and test"])
def test_a_folder_of_images_is_read(tmp_path, monkeypatch, split):
    """Folders are classes; `train` and `test` inside are the splits."""
    monkeypatch.chdir(tmp_path)
    pets(tmp_path, ("train", "test") if split else ("",))
    table = load("image_folder", "pets", size=4, channels=1, split="train")

    assert table["x"].shape == ((10 if split else 8), 1, 4, 4)
    assert torch.equal(table["y"], (table["x"].amax(dim=(1, 2, 3)) * 255 >= 95).long())


def test_jpegs_in_an_archive_are_read(tmp_path, monkeypatch):
    """Bytes are cut at the offsets; only the rows asked for are decoded."""
    monkeypatch.chdir(tmp_path)
    jpegs(tmp_path)
    table = load("npz_jpeg", "j.npz", split="test", subset=2, offset=1)

    assert table["x"].shape == (2, 3, 4, 6)
    assert (table["x"].mean(dim=(1, 2, 3)) * 255 - torch.tensor([90.0, 100.0])).abs().max() < 2
    assert table["y"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("word", "args", "options", "said"),
    [
        ("npz", ("plain.npz",), {"x": "z"}, "no array `z`, and no `z_train` with `z_test`; there are x, y"),
        ("npz", ("plain.npz",), {"targets": ("x",)}, "target `x` is no column of class numbers"),
        ("npz", ("plain.npz",), {"subset": 61}, "rows 0 to 61 asked of all, which has 60"),
        ("npz", ("split.npz",), {"split": "test", "offset": 20}, "rows 20 to 20 asked of test, which has 20"),
        ("npz", ("t.csv",), {}, "t.csv is no .npz file: it is no zip archive"),
        ("npz", (), {}, "the name of a file is needed"),
        ("csv", ("t.csv",), {"targets": ("z",)}, "no column `z`; there are age, job, y"),
        ("csv", ("plain.npz",), {}, "plain.npz is no text of cells with commas"),
        ("idx", ("t.csv",), {"labels": "y.idx"}, "t.csv is no IDX file of bytes"),
        ("idx", ("x.idx",), {"labels": "x.idx"}, r"x.idx has shape \[60, 2, 3\], and labels are one column"),
        ("image_folder", (".",), {}, "has no images"),
        ("npz_jpeg", ("plain.npz",), {}, "plain.npz has no array `train_jpeg`; there are x, y"),
    ],
)
def test_what_does_not_fit_is_named(files, word, args, options, said):
    """Before anything runs, columns and rows already say what is wrong."""
    with pytest.raises(ValueError, match=said):
        promised(word, *args, **options)


@pytest.mark.parametrize("word", WORDS)
def test_a_missing_file_is_a_missing_file(word, tmp_path, monkeypatch):
    """The error has the name as it was written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GAMESPEC_DATA", raising=False)
    options = {"labels": "none.idx"} if word == "idx" else {}
    if word == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    with pytest.raises(FileNotFoundError) as caught:
        words("data")[word].offered("none.file", **options)

    assert caught.value.filename == "none.file"


def test_a_file_is_also_looked_for_where_data_lies(files, monkeypatch, tmp_path_factory):
    """`GAMESPEC_DATA` lists folders; the first that has the file counts, and where one runs comes last."""
    monkeypatch.setenv("GAMESPEC_DATA", str(files))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    assert load("npz", "plain.npz")["x"].shape == (60, 2, 3)


def test_columns_are_known_without_torch(files):
    """`gamec check` of a game on files loads neither torch nor numpy."""
    code = """
import sys
from gamespec.library.registry import words
for word, options in (("npz", {}), ("csv", {}), ("idx", {"labels": "y.idx"})):
    entry, path = words("data")[word], {"npz": "plain.npz", "csv": "t.csv", "idx": "x.idx"}[word]
    entry.offered(path, **options), entry.rows(path, **options)
print(*({"torch", "numpy", "PIL", "pyarrow"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=files)

    assert done.stdout.split() == []


@pytest.mark.parametrize(("word", "path"), [("npz", "plain.npz"), ("csv", "t.csv"), ("idx", "x.idx")])
def test_a_linked_program_reads_the_same(files, word, path):
    """The functions copied into a file of their own need torch alone and give the same numbers."""
    entry = words("data")[word]
    options = {"labels": "y.idx"} if word == "idx" else {}
    head = "from __future__ import annotations\nimport math\nimport torch\nfrom torch import Tensor\n"
    call = f"\ntable = {entry.load.__name__}({path!r}, **{options!r})\nprint(table['x'].double().sum().item(), table['y'].tolist())\n"
    (files / "program.py").write_text(head + "\n\n".join(link({entry.load.__name__})) + call)
    done = subprocess.run([sys.executable, "-I", "program.py"], capture_output=True, text=True, check=True, cwd=files)
    table = load(word, path, **options)

    assert done.stdout.strip() == f"{table['x'].double().sum().item()} {table['y'].tolist()}"


@pytest.mark.parametrize(
    ("word", "args", "options"),
    [
        ("npz", ("plain.npz",), {"scale": "unit"}),
        ("npz", ("split.npz",), {"split": "train", "label_noise": 0.2}),
        ("csv", ("t.csv",), {"split": "test"}),
        ("parquet", ("t.parquet",), {"subset": 7, "offset": 2}),
        ("idx", ("x.idx",), {"labels": "y.idx", "scale": "unit", "split": "test"}),
        ("idx", ("x.idx.gz",), {"labels": "y.idx.gz", "label_noise": 0.1}),
        ("image_folder", ("pets",), {"size": 4, "split": "train"}),
        ("npz_jpeg", ("j.npz",), {"scale": "none"}),
    ],
)
def test_a_table_on_the_disk_is_the_same(files, word, args, options, monkeypatch):
    """Bit by bit what it is in memory, and no file is left behind."""
    if word == "parquet":
        pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({"a": np.arange(50) / 3, "y": np.arange(50) % 2}), files / "t.parquet")
    if word in ("image_folder", "npz_jpeg"):
        pytest.importorskip("PIL.Image", reason="pillow is not installed")
        (pets if word == "image_folder" else jpegs)(files)
    (files / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(files / "scratch"))
    near, far = load(word, *args, **options), load(word, *args, keep="disk", **options)

    assert all(torch.equal(near[name], far[name]) for name in near)
    assert list((files / "scratch").iterdir()) == []


def test_units_on_the_disk_are_those_in_memory(files):
    """Up to the order in which numbers are added."""
    near, far = (load("csv", "t.csv", scale="standard", keep=keep)["x"] for keep in ("memory", "disk"))

    torch.testing.assert_close(near, far, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("word", ["npz", "idx"])
def test_a_table_larger_than_memory_is_read(tmp_path, word):
    """With 48 MB of memory left a table of 96 MB is refused in memory, is learned from on the disk, and its range is checked."""
    x, y = np.random.default_rng(0).random((12_000, 2000), dtype=np.float32), np.arange(12_000) % 2
    if word == "npz":
        np.savez(tmp_path / "large.npz", x=x, y=y)
        source, call = 'npz("large.npz", keep = disk)', "load_npz('large.npz')"
    else:
        for name, values in (("x.idx", (255 * x).astype(np.uint8)), ("y.idx", y.astype(np.uint8))):
            (tmp_path / name).write_bytes(idx(values))
        source, call = 'idx("x.idx", "y.idx", scale = unit, keep = disk)', "load_idx('x.idx', 'y.idx', scale='unit')"
    (tmp_path / "large.game").write_text(
        f"language 1\ngame large\ndata train: (a: R[2000] in [0, 1], b: class[2]) = {source}\n"
        "net h: R[2000] -> logits[2] = linear()\nsolve min{h} E{(a, b) ~ train} [ ce(h(a), b) ]\n"
        "run { batch = 32  steps = 20  seed = 0 }\n"
    )
    program = (
        f"import re, resource, sys\nimport gamespec\nfrom gamespec.library.data.{word} import load_{word}\n"
        + """
text = open("large.game").read()
open("small.game", "w").write(text.replace("steps = 20", "steps = 1"))
gamespec.load("small.game").solve()
held = int(re.search(r"VmData:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (held + 48 * 2**20,) * 2)
try:
    CALL
except (RuntimeError, MemoryError):
    print("no room in memory")
print(gamespec.load("large.game").solve().status)
""".replace("CALL", call)
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.stdout.split("\n")[:2] == ["no room in memory", "finished"], done.stderr[-2000:]
