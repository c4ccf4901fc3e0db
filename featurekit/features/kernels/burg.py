"""Linear prediction by Burg's method, from a frame's covariances instead of its samples.

Burg's method minimises, order by order, the power of the forward and the backward prediction error together. Both are
quadratic forms in one matrix, ``S[p, q] = sum_n x[n-p] x[n-q] + x[n-1-i+p] x[n-1-i+q]`` over the samples that order
``i + 1`` can predict. S follows from the autocorrelation by taking away two products an order, so the samples are read
once and not once an order (Vos 2013, A fast implementation of Burg's method).
"""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit


@njit(cache=True, error_model="numpy")
def burg_frame(frame: np.ndarray, order: int) -> np.ndarray:
    """Coefficients of the prediction error filter [shape=(order + 1,), the first 1].

    Zeros behind the first where the frame is silent, or where a lower order predicts it to the last bit.

    Parameters
    ----------
    frame : np.ndarray [shape=(samples,), float64]
        More than ``order`` samples, windowed.
    order : int
    """
    last = len(frame) - 1
    coefficients, product, mirror = np.zeros(order + 1), np.zeros(order + 1), np.zeros(order + 1)
    coefficients[0] = 1.0
    correlation = np.empty(order + 1)
    for lag in range(order + 1):
        correlation[lag] = lagged_product(frame, lag)
    covariance = np.zeros((order + 1, order + 1))
    covariance[0, 0] = 2 * correlation[0]
    for size in range(1, order + 1):
        # Drop the sample at either end that this order cannot predict; then a row for the new lag, mirrored from the rest.
        for p in range(size):
            for q in range(size):
                covariance[p, q] -= frame[size - 1 - p] * frame[size - 1 - q]
                covariance[p, q] -= frame[last + 1 - size + p] * frame[last + 1 - size + q]
        covariance[0, size] = 2 * correlation[size]
        covariance[size, 0] = covariance[0, size]
        for q in range(1, size + 1):
            covariance[size, q] = covariance[0, size - q]
            covariance[q, size] = covariance[size, q]
        for p in range(size + 1):
            product[p] = 0.0
            for q in range(size):
                product[p] += covariance[p, q] * coefficients[q]
        power, cross = 0.0, 0.0
        for p in range(size):
            power += coefficients[p] * product[p]
            cross += coefficients[p] * product[size - p]
        if not abs(cross) < power:  # nothing is left to predict
            break
        reflection = -cross / power
        for p in range(size + 1):
            mirror[p] = coefficients[size - p]
        for p in range(size + 1):
            coefficients[p] += reflection * mirror[p]
    return coefficients


@njit(cache=True, error_model="numpy")
def burg(frames: np.ndarray, order: int) -> np.ndarray:
    """Coefficients ``a[1], …, a[order]`` of each frame [shape=(order, frames)].

    Parameters
    ----------
    frames : np.ndarray [shape=(frames, samples), float64]
    order : int
        Less than the number of samples.
    """
    coefficients = np.empty((order, len(frames)))
    for index in range(len(frames)):
        coefficients[:, index] = burg_frame(frames[index], order)[1:]
    return coefficients


# Sums in any order: in one after the other, each addition waits for the one before it.
@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def lagged_product(frame: np.ndarray, lag: int) -> float:
    """Sum of the products of samples a lag apart."""
    stop = len(frame) - lag
    early, late = frame[:stop], frame[lag:]  # slices: with a sum for an index, the compiler expects negative ones
    total = 0.0
    for sample in range(stop):
        total += early[sample] * late[sample]
    return total


def burg_frame_plain(frame: np.ndarray, order: int) -> np.ndarray:
    """The same from the samples: the lattice of Burg's own recursion."""
    coefficients = np.ones(1)
    forward, backward = frame[1:].copy(), frame[:-1].copy()
    for _ in range(order):
        reflection = -2 * (forward @ backward) / (forward @ forward + backward @ backward)
        coefficients = np.append(coefficients, 0.0)
        coefficients = coefficients + reflection * coefficients[::-1]
        forward, backward = forward[1:] + reflection * backward[1:], (backward + reflection * forward)[:-1]
    return coefficients
