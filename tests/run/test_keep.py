"""`keep = best(metric)`: the players of the best report, chosen by rows that nothing is reported on."""

from __future__ import annotations

import pytest

from gamespec import pipeline
from gamespec.notation.expand import expanded
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.run.execute import Request, execute

GAME = """language 1
game kept
data train: (a: R[64], b: class[10]) = digits("train", subset = 200)
data val:   (a: R[64], b: class[10]) = digits("train", subset = 200, offset = 200)
data test:  (a: R[64], b: class[10]) = digits("test")
net h: R[64] -> logits[10] = linear()
solve min{h} E{(a, b) ~ train} [ ce(h(a), b) ]
metric valid = E{(a, b) ~ val}[ correct(h(a), b) ]
metric loss  = E{(a, b) ~ val}[ ce(h(a), b) ]
metric hit   = E{(a, b) ~ test}[ correct(h(a), b) ]
schedule { h: sgd(lr = 30.0) }
run { batch = 20  steps = 40  every = 5  seed = 0  keep = best(valid) }
"""


def played(tmp_path, text, **request):
    """A run of a text."""
    checked = pipeline.check(Source("kept.game", text))
    return execute(checked, pipeline.compile(checked), Request(out=tmp_path, **request))


def measured(tmp_path, text):
    """The metrics at every report of the same game, each made by a shorter run."""
    plain = text.replace("keep = best(valid)", "").replace("keep = least(loss)", "")
    return {k: played(tmp_path / str(k), plain, steps=k).metrics for k in range(5, 41, 5)}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Metrics by step."""
    return measured(tmp_path_factory.mktemp("reports"), GAME.replace("metric loss ", "# "))


def test_the_best_report_is_kept(tmp_path, reports):
    """The first of those whose metric is largest, and not the last."""
    text = GAME.replace("metric loss ", "# ")
    result = played(tmp_path, text)
    best = max(reports, key=lambda k: (reports[k]["valid"], -k))

    assert best < 40
    assert result.metrics == reports[best]
    assert f"step {best}," in result.note


def test_the_least_is_kept_as_well(tmp_path):
    """For a metric that is a loss."""
    text = GAME.replace("keep = best(valid)", "keep = least(loss)").replace("metric valid", "# ")
    result = played(tmp_path, text)
    found = measured(tmp_path, text)

    assert result.metrics == min(found.values(), key=lambda m: m["loss"])


def codes(text):
    """What is said of a text."""
    try:
        return [d.code for d in pipeline.check(Source("kept.game", text)).diagnostics if d.code.startswith("GE")]
    except GameError as error:
        return [d.code for d in error.diagnostics]


@pytest.mark.parametrize(
    ("was", "becomes", "found"),
    [
        ("", "", []),
        ("best(valid)", "best(hit)", []),
        ('digits("train", subset = 200, offset = 200)', 'digits("test", subset = 100)', ["GE508"]),
        ('digits("train", subset = 200, offset = 200)', 'digits("all", subset = 100)', ["GE508"]),
        ("metric hit ", "# ", ["GE508"]),
        ("best(valid)", "best(valdi)", ["GE501"]),
        ("best(valid)", "valid", ["GE501"]),
        ("best(valid)", "last(valid)", ["GE501"]),
    ],
)
def test_choosing_on_reported_rows_is_refused(was, becomes, found):
    """The same rows under another name, a cut of them, or no other report."""
    assert codes(GAME.replace("metric loss ", "# ").replace(was, becomes) if was else GAME.replace("metric loss ", "# ")) == found


def test_two_metrics_of_one_split_are_refused():
    """One chooses, the other reports."""
    assert codes(GAME) == ["GE508"]


def test_it_stands_in_the_expanded_game_as_it_was_written():
    """And means the same there."""
    checked = pipeline.check(Source("kept.game", GAME.replace("metric loss ", "# ")))
    text = expanded(checked)

    assert "keep = best(valid)" in text
    assert pipeline.check(Source("e.game", text)).game.run[-1] == checked.game.run[-1]
