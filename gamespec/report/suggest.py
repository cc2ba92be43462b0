"""Did you mean: the nearest of the words that would do."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 64

ELSEWHERE = {
    "cross_entropy": "ce", "crossentropy": "ce", "nll": "ce", "log_loss": "ce",
    "kl_div": "kl", "absolute": "abs",
    "float": "R", "real": "R", "double": "R", "int": "Z", "integer": "Z", "boolean": "bool", "label": "class",
    "gd": "sgd", "learning_rate": "lr", "stepsize": "lr", "step_size": "lr", "eta": "lr",
    "iterations": "steps", "iters": "steps", "n_iter": "steps", "max_iter": "steps", "num_steps": "steps", "random_seed": "seed",
    "gaussian": "Normal", "randn": "Normal", "rand": "Uniform", "probability": "Simplex", "ball": "L2", "linfinity": "Linf",
    "dense": "linear", "fc": "linear", "perceptron": "mlp", "cnn": "small_cnn", "gmm": "mog", "two_moons": "moons",
}  # fmt: skip
"""What other tools call a word of the language, in lower case; it is meant where the word would do."""


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that the word is called elsewhere, or the one most like it, else None; upper and lower case count as alike."""
    if len(word) > LONGEST:
        return None
    spelled: dict[str, str] = {}
    for candidate in sorted(candidates):
        spelled.setdefault(candidate.lower(), candidate)
    meant = ELSEWHERE.get(word.lower())
    if meant is not None and spelled.get(meant.lower()) == meant:
        return meant
    found = get_close_matches(word.lower(), spelled, n=1, cutoff=0.66)
    return spelled[found[0]] if found else None
