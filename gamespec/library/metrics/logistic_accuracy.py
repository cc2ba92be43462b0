"""How well a logistic regression, fitted anew, tells the classes of a table apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric, Option

if TYPE_CHECKING:
    from torch import Tensor


def logistic_slope(inputs: Tensor, target: Tensor, w: Tensor, shrink: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of the scores inputs @ w plus shrink * w^2 / 2, and its gradient.

    Shapes: inputs [n, d], target [n, k] with rows on the simplex, w and the gradient [d, k], shrink [d, 1].
    """
    scores = inputs @ w                                                                         # [n, k]
    level = torch.logsumexp(scores, dim=1, keepdim=True)                                        # [n, 1]
    value = (level.squeeze(1) - (scores * target).sum(dim=1)).mean() + (shrink * w**2).sum() / 2
    return value, inputs.mT @ (torch.exp(scores - level) - target) / len(inputs) + shrink * w


def lbfgs_direction(grad: Tensor, history: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The gradient turned by the curvature that past moves and changes of the gradient have shown.

    Shapes: grad and the result have one shape, as do the pairs (move, change) of history, oldest first.
    Source: Nocedal and Wright 2006, algorithm 7.4.
    """
    turned, weights = grad, []
    for move, change in reversed(history):
        weights.append((move * turned).sum() / (move * change).sum())
        turned = turned - weights[-1] * change
    if history:
        move, change = history[-1]
        turned = turned * ((move * change).sum() / (change * change).sum())
    for (move, change), weight in zip(history, reversed(weights), strict=True):
        turned = turned + (weight - (change * turned).sum() / (move * change).sum()) * move
    return turned


def logistic_regression(x: Tensor, y: Tensor, classes: int, l2: float) -> Tensor:
    """Weights of multinomial logistic regression: least mean cross-entropy + l2 / 2 |W|^2, the biases not shrunk.

    Shapes: x [n, d], y [n] in 0..classes-1; the result is [d + 1, classes], the biases in the last row.
    Error: gradient below 1e-6 in every entry, or as near as 500 steps of L-BFGS come.
    Source: Nocedal and Wright 2006, algorithm 7.5, with the step halved until it lowers the objective enough.
    """
    inputs = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)                                   # [n, d + 1]
    target = torch.nn.functional.one_hot(y, classes).to(x)                                      # [n, classes]
    shrink = torch.full_like(inputs[:1].mT, l2)                                                 # [d + 1, 1]
    shrink[-1] = 0
    w = torch.zeros(inputs.shape[1], classes, dtype=x.dtype, device=x.device)
    value, grad = logistic_slope(inputs, target, w, shrink)
    history: list[tuple[Tensor, Tensor]] = []
    for _ in range(500):
        if float(grad.abs().max()) < 1e-6:
            break
        along = -lbfgs_direction(grad, history)
        length, slope = 1.0, float((along * grad).sum())
        after, grad_after = logistic_slope(inputs, target, w + along, shrink)
        while float(after - value) > 1e-4 * length * slope and length > 1e-10:
            length /= 2
            after, grad_after = logistic_slope(inputs, target, w + length * along, shrink)
        if length <= 1e-10:
            break
        history = [*history[-19:], (length * along, grad_after - grad)]
        w, value, grad = w + length * along, after, grad_after
    return w


def logistic_accuracy(
    x_train: Tensor, y_train: Tensor, x_test: Tensor, y_test: Tensor, l2: float = 1e-3
) -> Tensor:
    """Share of test rows that a logistic regression fitted on the training rows classifies right.

    Columns are put in units of their spread over the training rows; the fit is in float64 and deterministic.
    Shapes: x [n, ...], y [n] of class numbers; the result is 0-d.
    Source: Alain and Bengio 2017, for linear probes.
    """
    train, test = (x.detach().reshape(len(x), -1).double() for x in (x_train, x_test))
    center, spread = train.mean(dim=0), train.std(dim=0, correction=0)
    spread = torch.where(spread > 0, spread, 1.0)
    classes = int(torch.maximum(y_train.max(), y_test.max())) + 1
    w = logistic_regression((train - center) / spread, y_train.long(), classes, l2)
    scores = ((test - center) / spread) @ w[:-1] + w[-1]                                        # [n, classes]
    return (scores.argmax(dim=1) == y_test).double().mean()


METRIC = Metric(
    word="logistic_accuracy",
    arity=4,
    options=(Option("l2", float, 1e-3),),
    compute=logistic_accuracy,
    result="number",
    source="Alain and Bengio 2017",
)
