"""Runs that are looked at, made once, and a browser where there is one."""

from __future__ import annotations

import html
import re
import shutil
import subprocess

import pytest

from gamespec import pipeline
from gamespec.report.source import Source
from gamespec.run.execute import Request, execute

CYCLE = """language 1
game cycle
# A polynomial game that is circled. Source: Hsieh et al. 2021, example 5.2.
param c in [0, 1] = 0.1
var x in [-2, 2] init 0.5
var y in [-2, 2] init 0.5
def phi(z) = z^2/4 - z^4/2 + z^6/6
solve min{x} max{y} [ x*(y - c) + phi(x) - phi(y) ]
  order simultaneous
schedule      { method: extragradient(lr = 0.05) }
schedule slow { method: extragradient(lr = 0.01) }
run { steps = 1500  tol = 1e-8  seed = 0 }
expect status == cycling
"""

ROBUST = """language 1
game robust <half> & moons
# Two moons against small pushes.
param eps in [0, 1] = 0.1
data train: (a: R[2], b: class[2]) = moons(n = 200)
net h: R[2] -> logits[2] = mlp(16)
solve min{h} E{(a, b) ~ train} max{d in Linf(eps)} [ ce(h(a + d), b) ]
metric clean  = E{(a, b) ~ train}[ correct(h(a), b) ]
metric robust = E{(a, b) ~ train} min{e in Linf(eps)} [ correct(h(a + e), b) ]
schedule { h: adam(lr = 0.02)  d: pgd(steps = 3, lr = 0.05)  robust.e: pgd(steps = 5, lr = 0.03, surrogate = [ce]) }
run { batch = 100  steps = 40  seed = 0 }
""".replace("robust <half> & moons", "robust_moons")

GENERATOR = """language 1
game generator
data ring: R[2] = mog(modes = 4)
dist noise: R[4] = Normal(0, 1)
net G: R[4] -> R[2] = mlp(16)
net D: R[2] -> prob = mlp(16, out = sigmoid)
solve min{G} max{D} [ E{x ~ ring}[log(D(x))] + E{z ~ noise}[log(1 - D(G(z)))] ]
schedule { method: alternating  G: adam(lr = 1e-3)  D: adam(lr = 1e-3) }
run { batch = 64  steps = 20  seed = 0 }
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Make a run of a text in a folder of its own; gives its directory."""

    def make(text, **request):
        folder = tmp_path_factory.mktemp("runs")
        source = Source(str(folder / "toy.game"), text)
        checked = pipeline.check(source)
        return execute(checked, pipeline.compile(checked), Request(out=folder, **request)).path

    return make


@pytest.fixture(scope="session")
def cycle(made):
    """A run that cycles in the plane."""
    return made(CYCLE)


@pytest.fixture(scope="session")
def robust(made):
    """A robust classifier of points in the plane."""
    return made(ROBUST)


@pytest.fixture(scope="session")
def generator(made):
    """A generative adversarial network in the plane."""
    return made(GENERATOR)


@pytest.fixture(scope="session")
def chromium():
    """Load a page at a width, light or dark; gives what the console says and the final document."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on this machine")

    def show(page, profile, *, dark=False, width=1200):
        words = [found, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        words += ["--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--hide-scrollbars"]
        words += [f"--user-data-dir={profile}", f"--window-size={width},1200", "--virtual-time-budget=3000"]
        words += [f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--dump-dom", page.as_uri()]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return console, done.stdout

    return show


@pytest.fixture
def measured(chromium, tmp_path):
    """Widths, colours and sizes of a page as a frame of a width sees them: what a phone would."""

    def measure(text, width, *, dark=False):
        probe = """<script>addEventListener('load', () => { const e = document.documentElement, s = getComputedStyle(document.body);
        const math = document.querySelector('math'); parent.postMessage([e.scrollWidth, innerWidth, s.backgroundColor, s.color,
        math ? Math.round(math.getBoundingClientRect().height) : 0, document.querySelectorAll('svg path').length].join('|'), '*') })</script>"""
        policy = re.compile('<meta http-equiv="Content-Security-Policy"[^>]*>')
        (tmp_path / "inner.html").write_text(policy.sub("", text).replace("</head>", f"{probe}</head>"))
        frame = f"<iframe src='inner.html' style='border:0;width:{width}px;height:900px'></iframe><p id=found></p>"
        listen = "<script>addEventListener('message', e => { document.getElementById('found').textContent = e.data })</script>"
        (tmp_path / "outer.html").write_text(f"<!doctype html><body>{listen}{frame}</body>")
        _, document = chromium(tmp_path / "outer.html", tmp_path / "profile", dark=dark, width=max(width + 40, 600))
        found = html.unescape(re.search(r'<p id="found">([^<]*)</p>', document)[1]).split("|")
        keys = ("wide", "inner", "page", "ink", "math", "paths")
        return dict(zip(keys, found, strict=True))

    return measure


IMAGES = """language 1
game two_nets
# A robust and a plain network look at the same digits, and a generator makes images.
param eps in [0, 1] = 0.1
data train: (a: image[1, 8, 8] in [0, 1], b: class[10]) = digits("train", subset = 200)
dist noise: R[4] = Normal(0, 1)
net h: image[1, 8, 8] -> logits[10] = linear()
net plain: image[1, 8, 8] -> logits[10] = linear()
net G: R[4] -> image[1, 8, 8] = mlp(8)
solve min{h, plain, G} [ E{(a, b) ~ train} [ max{d in Linf(eps)} [ ce(h(a + d), b) ] ] + E{(a, b) ~ train}[ ce(plain(a), b) ]
                         + E{z ~ noise}[ norm(G(z))^2 ] ]
schedule { h: adam(lr = 0.02)  d: pgd(steps = 2, lr = 0.1) }
run { batch = 50  steps = 16  seed = 0 }
"""


@pytest.fixture(scope="session")
def images(made):
    """Two classifiers of images, one of them robust, and a generator of images."""
    return made(IMAGES)


HELD = """language 1
game {name}
param eps in [0, 1] = 0.1
data train: (a: image[1, 8, 8] in [0, 1], b: class[10]) = digits("train", subset = 300)
data test: (a: image[1, 8, 8] in [0, 1], b: class[10]) = digits("test", subset = 100)
net h: image[1, 8, 8] -> logits[10] = linear()
solve min{{h}} E{{(a, b) ~ train}} {game}
metric clean = E{{(a, b) ~ test}}[ correct(h(a), b) ]
{metric}schedule {{ h: adam(lr = 0.02){inner} }}
run {{ batch = 100  steps = 60  seed = 0 }}
"""


@pytest.fixture(scope="session")
def plain_and_robust(made):
    """A plain classifier of digits, which knows of no adversary, and one trained and measured against pushes of each pixel."""
    ball = "Linf(eps) & (domain(a) - a)"
    metric = f"metric robust = E{{(a, b) ~ test}} min{{e in {ball}}} [ correct(h(a + e), b) ]\n"
    inner = "  d: pgd(steps = 5, lr = 0.04)  robust.e: pgd(steps = 10, lr = 0.02, surrogate = [ce])"
    plain = HELD.replace("param eps in [0, 1] = 0.1\n", "").format(name="plain", game="[ ce(h(a), b) ]", metric="", inner="")
    robust = HELD.format(name="robust", game=f"max{{d in {ball}}} [ ce(h(a + d), b) ]", metric=metric, inner=inner)
    return made(plain), made(robust)
