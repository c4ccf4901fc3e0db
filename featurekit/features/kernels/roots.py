"""Roots of real polynomials by Laguerre's method, conjugate pairs divided out together, each polished at the end.

The companion matrix's eigenvalues (numpy.roots) are as good and cost ten times as much for the many small polynomials of
linear prediction.
"""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit

MAX_STEPS = 60  # three to six are usual
NEGLIGIBLE_STEP = 1e-6  # of a root: steps shrink to their third power, so the next would be below rounding
POLISHING_STEPS = 2


@njit(cache=True, error_model="numpy")
def polynomial_roots(coefficients: np.ndarray) -> np.ndarray:
    """Roots of ``sum_k coefficients[k] z^(n - k)`` [shape=(n,), complex128]; 0 for each trailing zero coefficient.

    Parameters
    ----------
    coefficients : np.ndarray [shape=(n + 1,), float64]
        Highest power first, that coefficient not 0.
    """
    degree = len(coefficients) - 1
    while degree > 0 and coefficients[degree] == 0:
        degree -= 1
    roots = np.zeros(len(coefficients) - 1, np.complex128)
    remaining = coefficients[: degree + 1].copy()
    found = 0
    while found < degree:
        left = degree - found
        root = _laguerre(remaining[: left + 1], 0j)
        if left == 1 or abs(root.imag) <= 1e-9 * abs(root.real):
            _divide_linear(remaining[: left + 1], root.real)
            roots[found] = _polish(coefficients[: degree + 1], complex(root.real))
            found += 1
        else:
            _divide_quadratic(remaining[: left + 1], root)
            roots[found] = _polish(coefficients[: degree + 1], root)
            roots[found + 1] = roots[found].conjugate()
            found += 2
    return roots


@njit(cache=True, error_model="numpy")
def _laguerre(coefficients: np.ndarray, start: complex) -> complex:
    """One root: of small ones first when started at 0, which keeps the division by it stable."""
    degree = len(coefficients) - 1
    z = start
    for _ in range(MAX_STEPS):
        value, slope, curve = _derivatives(coefficients, z)
        power = value.real**2 + value.imag**2
        if power == 0:
            break
        inverse = complex(value.real / power, -value.imag / power)
        ratio = slope * inverse
        square = ratio * ratio
        spread = _square_root((degree - 1) * (degree * (square - 2 * curve * inverse) - square))
        plus, minus = ratio + spread, ratio - spread
        divisor = plus if _squared(plus) > _squared(minus) else minus
        step = degree / divisor if _squared(divisor) > 0 else complex(1 + abs(z))
        z = z - step
        if _squared(step) <= NEGLIGIBLE_STEP**2 * _squared(z):
            break
    return z


@njit(cache=True, error_model="numpy")
def _derivatives(coefficients: np.ndarray, z: complex) -> tuple[complex, complex, complex]:
    """Value, first and half the second derivative at ``z``.

    By dividing thrice by ``q(x) = (x - z)(x - its conjugate)``, in real numbers: where ``p = q Q + r x + s``,
    ``p(z) = r z + s`` and ``p'(z) = 2i Im(z) Q(z) + r``, and so on for Q.
    """
    twice, square = 2 * z.real, z.real * z.real + z.imag * z.imag
    b1, b2, c1, c2, d1, d2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0  # the last two coefficients of each quotient
    for k in range(len(coefficients) - 1):
        d1, d2 = c2 + twice * d1 - square * d2, d1
        c1, c2 = b2 + twice * c1 - square * c2, c1
        b1, b2 = coefficients[k] + twice * b1 - square * b2, b1
    value = complex(coefficients[-1] - square * b2 + b1 * z.real, b1 * z.imag)
    first = complex(b2 - square * c2 + c1 * z.real, c1 * z.imag)
    second = complex(c2 - square * d2 + d1 * z.real, d1 * z.imag)
    across = complex(0, 2 * z.imag)
    return value, across * first + b1, first + across * (across * second + c1)


@njit(cache=True, error_model="numpy")
def _square_root(z: complex) -> complex:
    """The root with a real part that is not negative; numpy's guards against overflow cost more than all the rest."""
    larger = np.sqrt(0.5 * (np.sqrt(_squared(z)) + abs(z.real)))
    if larger == 0:
        return 0j
    smaller = 0.5 * abs(z.imag) / larger
    real, imag = (larger, smaller) if z.real >= 0 else (smaller, larger)
    return complex(real, imag if z.imag >= 0 else -imag)


@njit(cache=True, error_model="numpy")
def _squared(z: complex) -> float:
    return z.real * z.real + z.imag * z.imag


@njit(cache=True, error_model="numpy")
def _polish(coefficients: np.ndarray, root: complex) -> complex:
    """Newton's method on the whole polynomial, as long as it gets nearer."""
    best = np.inf
    z = root
    for _ in range(POLISHING_STEPS + 1):
        value, slope = complex(coefficients[0]), 0j
        for k in range(1, len(coefficients)):
            slope = slope * z + value
            value = value * z + coefficients[k]
        if not _squared(value) < best:
            break
        best, root = _squared(value), z
        if _squared(slope) == 0:
            break
        z = z - value / slope
    return root


@njit(cache=True, error_model="numpy")
def _divide_linear(coefficients: np.ndarray, root: float) -> None:
    """Divide by ``z - root`` in place; the quotient has one coefficient less."""
    for k in range(1, len(coefficients) - 1):
        coefficients[k] += root * coefficients[k - 1]


@njit(cache=True, error_model="numpy")
def _divide_quadratic(coefficients: np.ndarray, root: complex) -> None:
    """Divide by ``(z - root)(z - its conjugate)`` in place; the quotient has two coefficients less."""
    twice, square = 2 * root.real, root.real**2 + root.imag**2
    coefficients[1] += twice * coefficients[0]
    for k in range(2, len(coefficients) - 2):
        coefficients[k] += twice * coefficients[k - 1] - square * coefficients[k - 2]
