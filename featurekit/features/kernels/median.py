"""Running medians of 31 rows, many columns at once.

Sixteen neighbouring windows share sixteen values: sorted once, they are the core of all sixteen medians. The windows
are then halved: eight share eight values more, four of them another four, and so on. At every step only as many of the
sorted values are kept as can still become a median, so a median costs about 37 minima and maxima and no branch; columns
lie in the vector lanes.
"""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit

TAPS = 31
_BLOCK = 16  # medians that share a core
_LANES = 128  # columns at once
_HELD = TAPS + _BLOCK - 1


def running_median(values: np.ndarray) -> np.ndarray:
    """Median of each value and its fifteen neighbours on either side, along the first axis, mirrored at the ends.

    Parameters
    ----------
    values : np.ndarray [shape=(rows, columns), float32, C order]

    Returns
    -------
    np.ndarray [shape=(rows, columns), float32]
        Exactly ``scipy.ndimage.median_filter(values, size=(31, 1), mode="reflect")``.
    """
    n_rows = len(values)
    rows = np.arange(-(TAPS // 2), n_rows + TAPS // 2 + _BLOCK) % (2 * n_rows)
    return _medians(values, np.minimum(rows, 2 * n_rows - 1 - rows))


def running_median_plain(values: np.ndarray) -> np.ndarray:
    """The same by sorting every window."""
    padded = np.pad(values, ((TAPS // 2, TAPS // 2), (0, 0)), mode="symmetric")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, TAPS, axis=0), axis=-1).astype(np.float32)


@njit
def _low(a, b):  # type: ignore[no-untyped-def]
    return a if a < b else b


@njit
def _high(a, b):  # type: ignore[no-untyped-def]
    return b if a < b else a


@njit
def _at(x, row, lane):  # type: ignore[no-untyped-def]
    return x[np.uint64(row * _LANES + lane)]  # unsigned: an index that might be negative is not vectorised


@njit
def _sorted4(x, row, lane):  # type: ignore[no-untyped-def]
    return _sort4(_at(x, row, lane), _at(x, row + 1, lane), _at(x, row + 2, lane), _at(x, row + 3, lane))


@njit
def _sorted8(x, row, lane):  # type: ignore[no-untyped-def]
    a, b, c, d = _sorted4(x, row, lane)
    e, f, g, h = _sorted4(x, row + 4, lane)
    return _order8(a, b, c, d, h, g, f, e)


@njit
def _sort4(a, b, c, d):  # type: ignore[no-untyped-def]
    """Four values in order."""
    a, b, c, d = _low(a, b), _high(a, b), _low(c, d), _high(c, d)
    a, b, c, d = _low(a, c), _low(b, d), _high(a, c), _high(b, d)
    return a, _low(b, c), _high(b, c), d


@njit
def _order4(a, b, c, d):  # type: ignore[no-untyped-def]
    """Four values that rise and fall (or fall and rise), in order."""
    a, b, c, d = _low(a, c), _low(b, d), _high(a, c), _high(b, d)
    return _low(a, b), _high(a, b), _low(c, d), _high(c, d)


@njit
def _order8(a, b, c, d, e, f, g, h):  # type: ignore[no-untyped-def]
    """Eight values that rise and fall, in order."""
    p, q, r, s = _order4(_low(a, e), _low(b, f), _low(c, g), _low(d, h))
    t, u, v, w = _order4(_high(a, e), _high(b, f), _high(c, g), _high(d, h))
    return p, q, r, s, t, u, v, w


# The four steps keep, of 2m sorted candidates and m more sorted values, the m in the middle, sorted: the m lowest of
# all are dropped (the maxima of the lower half against the newcomers, reversed, stay), then the m highest likewise.
@njit
def _middle8(lower, upper, new):  # type: ignore[no-untyped-def]
    a, b, c, d, e, f, g, h = lower
    p, q, r, s, t, u, v, w = new
    a, b, c, d, e, f, g, h = _order8(
        _high(a, w), _high(b, v), _high(c, u), _high(d, t), _high(e, s), _high(f, r), _high(g, q), _high(h, p)
    )
    p, q, r, s, t, u, v, w = upper
    return _order8(_low(a, w), _low(b, v), _low(c, u), _low(d, t), _low(e, s), _low(f, r), _low(g, q), _low(h, p))


@njit
def _middle4(kept, new):  # type: ignore[no-untyped-def]
    a, b, c, d, e, f, g, h = kept
    p, q, r, s = new
    a, b, c, d = _order4(_high(a, s), _high(b, r), _high(c, q), _high(d, p))
    return _order4(_low(a, h), _low(b, g), _low(c, f), _low(d, e))


@njit
def _middle2(kept, p, q):  # type: ignore[no-untyped-def]
    a, b, c, d = kept
    p, q = _low(p, q), _high(p, q)
    a, b = _high(a, q), _high(b, p)
    a, b = _low(a, b), _high(a, b)
    a, b = _low(a, d), _low(b, c)
    return _low(a, b), _high(a, b)


@njit
def _middle1(kept, p):  # type: ignore[no-untyped-def]
    return _low(_high(kept[0], p), kept[1])


@njit(cache=True, error_model="numpy")
def _medians(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Medians over ``values[rows[i : i + 31]]`` for each row i."""
    n_rows, n_columns = values.shape
    medians = np.empty((n_rows, n_columns), np.float32)
    # Copies of fixed size, which tells the compiler that what is read and what is written do not overlap.
    x, y = np.zeros(_HELD * _LANES, np.float32), np.empty(_BLOCK * _LANES, np.float32)
    for column in range(0, n_columns, _LANES):
        width = min(_LANES, n_columns - column)
        for held in range(TAPS - 1):
            _copy(x, (held + _BLOCK) * _LANES, values[rows[held]], column, width)
        for first in range(0, n_rows, _BLOCK):
            kept = x[_BLOCK * _LANES :]
            for index in range((TAPS - 1) * _LANES):  # what the last block held and this one shares
                x[index] = kept[index]
            for held in range(TAPS - 1, _HELD):
                _copy(x, held * _LANES, values[rows[first + held]], column, width)
            _block(x, y)
            for index in range(min(_BLOCK, n_rows - first)):
                _copy(medians[first + index], column, y, index * _LANES, width)
    return medians


@njit
def _copy(target: np.ndarray, to: int, source: np.ndarray, since: int, width: int) -> None:
    # Views, since an index that might be negative is not vectorised; a width the compiler knows is two moves.
    target, source = target[to : to + width], source[since : since + width]
    if width == _LANES:
        for lane in range(_LANES):
            target[lane] = source[lane]
    else:
        for lane in range(width):
            target[lane] = source[lane]


@njit(cache=True, error_model="numpy")
def _block(x: np.ndarray, y: np.ndarray) -> None:
    """Sixteen medians of each lane: ``y[i] = median(x[i : i + 31])``."""
    for j in range(_LANES):
        left8 = _sorted8(x, 7, j)
        a, b, c, d, e, f, g, h = _sorted8(x, 15, j)
        p, q, r, s, t, u, v, w = _sorted8(x, 23, j)
        right8 = _sorted8(x, 31, j)
        lower = _order8(_low(a, w), _low(b, v), _low(c, u), _low(d, t), _low(e, s), _low(f, r), _low(g, q), _low(h, p))
        upper = _order8(_high(a, w), _high(b, v), _high(c, u), _high(d, t), _high(e, s), _high(f, r), _high(g, q), _high(h, p))

        half = _middle8(lower, upper, left8)
        four = _middle4(half, _sorted4(x, 3, j))
        two = _middle2(four, _at(x, 1, j), _at(x, 2, j))
        y[0 * _LANES + j], y[1 * _LANES + j] = _middle1(two, _at(x, 0, j)), _middle1(two, _at(x, 31, j))
        two = _middle2(four, _at(x, 31, j), _at(x, 32, j))
        y[2 * _LANES + j], y[3 * _LANES + j] = _middle1(two, _at(x, 2, j)), _middle1(two, _at(x, 33, j))
        four = _middle4(half, _sorted4(x, 31, j))
        two = _middle2(four, _at(x, 5, j), _at(x, 6, j))
        y[4 * _LANES + j], y[5 * _LANES + j] = _middle1(two, _at(x, 4, j)), _middle1(two, _at(x, 35, j))
        two = _middle2(four, _at(x, 35, j), _at(x, 36, j))
        y[6 * _LANES + j], y[7 * _LANES + j] = _middle1(two, _at(x, 6, j)), _middle1(two, _at(x, 37, j))

        half = _middle8(lower, upper, right8)
        four = _middle4(half, _sorted4(x, 11, j))
        two = _middle2(four, _at(x, 9, j), _at(x, 10, j))
        y[8 * _LANES + j], y[9 * _LANES + j] = _middle1(two, _at(x, 8, j)), _middle1(two, _at(x, 39, j))
        two = _middle2(four, _at(x, 39, j), _at(x, 40, j))
        y[10 * _LANES + j], y[11 * _LANES + j] = _middle1(two, _at(x, 10, j)), _middle1(two, _at(x, 41, j))
        four = _middle4(half, _sorted4(x, 39, j))
        two = _middle2(four, _at(x, 13, j), _at(x, 14, j))
        y[12 * _LANES + j], y[13 * _LANES + j] = _middle1(two, _at(x, 12, j)), _middle1(two, _at(x, 43, j))
        two = _middle2(four, _at(x, 43, j), _at(x, 44, j))
        y[14 * _LANES + j], y[15 * _LANES + j] = _middle1(two, _at(x, 14, j)), _middle1(two, _at(x, 45, j))
