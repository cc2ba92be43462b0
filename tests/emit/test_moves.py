"""Images of minibatches that are shifted and mirrored: what may come out, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gamespec import pipeline
from gamespec.kernels.images import moved_images
from gamespec.kernels.noise import Noise
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.run import link
from gamespec.run.execute import Request, execute, prepare
from gamespec.run.snapshot import base, captured, restored

GAME = """language 1
game toy
data train: (a: image[2, 6, 5] in [0, 1], b: class[2]) = npz("images.npz"MOVES)
net h: image[2, 6, 5] -> logits[2] = linear()
solve min{h} E{(a, b) ~ train} [ ce(h(a), b) ]
metric mean_pixel = E{(a, b) ~ train} [ mean(a) ]
run { batch = 7  steps = 12  seed = 3 }
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """The program of the game with options of its source, and what was checked."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).random((20, 2, 6, 5), dtype=np.float32)
    np.savez(tmp_path / "images.npz", x=x, y=np.arange(20) % 2)

    def make(moves):
        checked = pipeline.check(Source(str(tmp_path / "toy.game"), GAME.replace("MOVES", moves)))
        return checked, pipeline.compile(checked)

    return make


def test_every_image_is_a_shift_and_a_mirror_of_its_own():
    """Each result is one of the 2 (2 pad + 1)^2 that are allowed, and over many draws each of them comes about as often."""
    x = torch.arange(1.0, 13.0).reshape(1, 1, 3, 4)
    wide = torch.nn.functional.pad(x, (1, 1, 1, 1), value=0.5)
    allowed = [wide[0, :, d : d + 3, r : r + 4] for d in range(3) for r in range(3)]
    allowed += [a.flip(-1) for a in allowed]
    made = moved_images(x.expand(3600, 1, 3, 4), Noise(torch.tensor(0), torch.arange(3600)), 1, True, 0.5)
    which = (made[:, None] == torch.stack(allowed)).flatten(2).all(2)

    assert which.sum(1).eq(1).all()
    assert (which.sum(0) - 200).abs().max() < 5 * 200**0.5


def test_without_moves_images_stay():
    """Neither a shift nor a mirror."""
    x = torch.rand(4, 3, 5, 5)

    assert torch.equal(moved_images(x, Noise(torch.tensor(0), torch.arange(4)), 0, False, 0.0), x)


def test_minibatches_move_and_the_table_stays(program):
    """Rows come in the same order with and without moves, labels are theirs, and a metric sees the table itself."""
    plain, moved = (execute(*program(moves), Request()) for moves in ("", ", pad = 2, flip = true"))
    modules = [prepare(*program(moves), Request())[0].module for moves in ("", ", pad = 2, flip = true")]
    states = [m.start() for m in modules]
    (a, b), (c, d) = (m.batch_train(s) for m, s in zip(modules, states, strict=True))

    assert plain.metrics["mean_pixel"] == moved.metrics["mean_pixel"]
    assert torch.equal(b, d)
    assert (a != c).flatten(1).any(1).sum() >= 5
    assert all(c[k].unique().tolist()[-1] <= a[k].max() for k in range(7))


def test_a_table_on_the_disk_is_learned_from_as_one_in_memory(program):
    """Rows come in the same order: every weight has the same bits."""
    near, far = (execute(*program(options), Request()).players["h"] for options in ("", ", keep = disk"))

    assert all(torch.equal(p, q) for p, q in zip(near.parameters(), far.parameters(), strict=True))


@pytest.mark.parametrize("options", [", pad = 1, flip = true", ", keep = disk"])
def test_a_run_goes_on_after_a_stop(program, options):
    """A state put back draws the same rows, shifts and mirrors: same bits as without the stop."""
    module = prepare(*program(options), Request())[0].module
    whole, early = module.start(), module.start()
    start = base(early)
    for _ in range(5):
        module.step(whole)
        module.step(early)
    kept, late = captured(early, start), module.start()
    restored(late, kept)
    for _ in range(5):
        module.step(whole)
        module.step(late)

    assert all(torch.equal(p, q) for p, q in zip(whole.h.parameters(), late.h.parameters(), strict=True))


def test_sets_of_moved_images_are_refused(program):
    """`iid` draws from the table itself, which the author is told."""
    text = GAME.replace("MOVES", ", flip = true") + "metric m = E{S ~ iid(train, 4)}[ mean{(x, y) in S}[ mean(x) ] ]\n"
    with pytest.raises(GameError) as caught:
        pipeline.check(Source("toy.game", text))

    assert caught.value.diagnostics[0].code == "GE208"
    assert "without `pad` and `flip`" in caught.value.diagnostics[0].hint


def test_a_file_that_leaves_its_declared_range_is_refused(program, tmp_path):
    """The row is named as it stands in the file, the least of those that are outside."""
    x = np.random.default_rng(0).random((20, 2, 6, 5), dtype=np.float32)
    x[13, 1, 2, 3], x[17, 0, 0, 0] = 1.5, -1
    np.savez(tmp_path / "images.npz", x=x, y=np.arange(20) % 2)
    checked, compiled = program("")
    with pytest.raises(GameError) as caught:
        execute(checked, compiled)
    (found,) = caught.value.diagnostics

    assert found.code == "GE602"
    assert found.primary.text == "row 13 of the file holds 1.5, needed between 0 and 1"
    assert found.primary.span == link.span(checked, "data:train")
