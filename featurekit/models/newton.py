"""Multinomial logistic regression by Newton's method: the optimum itself, where gradients with an Adam's step come near it.

The objective is that of a linear layer trained on the mean cross-entropy with weight decay: with X of n rows and a column of
ones, ``mean(cross-entropy) + decay / 2 * sum(W²)``, the biases among the weights (as PyTorch's optimisers decay them). It is
strictly convex for a positive decay, so it has one optimum, and Newton's steps are shortened until they descend.
"""

from __future__ import annotations

import numpy as np

from featurekit.errors import ParameterError, TrainingError

_MOST_STEPS = 100
_SHORTEST_STEP = 2.0**-30


def fit_logistic(
    X: np.ndarray, labels: np.ndarray, n_classes: int, decay: float, *, start: np.ndarray | None = None, tolerance: float = 1e-9
) -> np.ndarray:
    """Weights of the optimum.

    Parameters
    ----------
    X : float array (n, d)
        Rows; a column of ones is added.
    labels : int array (n,)
        Class numbers below ``n_classes``.
    n_classes : int
        K. A class without rows only has its decay to follow: its bias ends as low as that allows.
    decay : float
        Weight decay, above 0.
    start : float array (d + 1, K), optional
        Where to begin; zeros by default.
    tolerance : float
        The largest entry of the gradient at the end.

    Returns
    -------
    float64 array (d + 1, K)
        The last row are the biases.

    Raises
    ------
    ParameterError
        When the decay is not above 0, or a value is not finite.
    TrainingError
        When it does not end, which rounding alone can cause.
    """
    if not 0 < decay < np.inf:
        raise ParameterError(f"decay is {decay}; Newton's method needs one above 0, since the optimum may be at infinity else")
    A = np.concatenate([np.asarray(X, dtype=np.float64), np.ones((len(X), 1))], axis=1)  # (n, d + 1)
    if not np.isfinite(A).all():
        raise ParameterError("a value of X is not finite")
    targets = np.eye(n_classes)[labels]  # (n, K)
    W = np.zeros((A.shape[1], n_classes)) if start is None else start.copy()
    value, probabilities = _objective(A, W, labels, decay)
    for _ in range(_MOST_STEPS):
        gradient = A.T @ (probabilities - targets) / len(A) + decay * W
        if np.abs(gradient).max() <= tolerance:
            return W
        step = np.linalg.solve(_hessian(A, probabilities, decay), gradient.T.ravel())
        direction = step.reshape(n_classes, -1).T
        W, value, probabilities = _descend(A, W, direction, labels, decay, value, float(np.sum(gradient * direction)))
    raise TrainingError(
        f"Newton's method has not ended after {_MOST_STEPS} steps; the largest entry of X is {np.abs(A).max():g}"
    )


def _objective(A: np.ndarray, W: np.ndarray, labels: np.ndarray, decay: float) -> tuple[float, np.ndarray]:
    """The value, and the probabilities (n, K)."""
    logits = A @ W
    logits -= logits.max(axis=1, keepdims=True)
    exponentials = np.exp(logits)
    sums = exponentials.sum(axis=1, keepdims=True)
    losses = np.log(sums[:, 0]) - logits[np.arange(len(A)), labels]
    return float(losses.mean() + decay / 2 * np.sum(W * W)), exponentials / sums


def _hessian(A: np.ndarray, probabilities: np.ndarray, decay: float) -> np.ndarray:
    """(K (d + 1), K (d + 1)), class by class: block (k, l) is A' diag(p_k (1{k=l} - p_l)) A / n, and the decay."""
    n, width = A.shape
    n_classes = probabilities.shape[1]
    weighted = (probabilities[:, :, None] * A[:, None, :]).reshape(n, n_classes * width)
    hessian = weighted.T @ weighted
    np.negative(hessian, out=hessian)
    for k in range(n_classes):
        block = slice(k * width, (k + 1) * width)
        hessian[block, block] += A.T @ weighted[:, block]
    hessian /= n
    hessian[np.diag_indices_from(hessian)] += decay
    return hessian


def _descend(
    A: np.ndarray, W: np.ndarray, direction: np.ndarray, labels: np.ndarray, decay: float, value: float, slope: float
) -> tuple[np.ndarray, float, np.ndarray]:
    """A step along Newton's direction, halved until the objective falls by a part of what the slope promises (Armijo)."""
    size = 1.0
    while size > _SHORTEST_STEP:
        tried = W - size * direction
        found, probabilities = _objective(A, tried, labels, decay)
        if found <= value - 1e-4 * size * slope or size * slope <= 1e-14 * abs(value):  # the second: below rounding
            return tried, found, probabilities
        size /= 2
    raise TrainingError("Newton's method finds no step that descends; a value of X is probably far too large")
