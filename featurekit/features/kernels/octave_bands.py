"""Octave bands of spectral contrast: which bins each takes. No numba here, since settings are checked with it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Band(NamedTuple):
    """Bins ``start`` to ``stop`` of a band, and how many of them make its peak and its valley."""

    start: int
    stop: int
    n_extreme: int


def contrast_bands(bin_hz: np.ndarray, n_bands: int, quantile: float, fmin: float) -> tuple[Band, ...]:
    """Bands from 0 Hz to ``fmin`` and then octaves, with librosa's borders.

    Every band but the first also takes the bin below its lower edge, every band but the last drops its own last bin,
    and the number of extremes is counted before that drop; the last band reaches up to half the sample rate.
    """
    edges_hz = np.concatenate([[0.0], fmin * 2.0 ** np.arange(n_bands + 1)])
    bands = []
    for index in range(n_bands + 1):
        inside = np.flatnonzero((bin_hz >= edges_hz[index]) & (bin_hz <= edges_hz[index + 1]))
        if len(inside) == 0:
            bands.append(Band(0, 0, 1))  # too few bins: refused when the settings are checked
            continue
        start = int(inside[0]) - (index > 0)
        stop = int(inside[-1]) + 1 if index < n_bands else len(bin_hz)
        n_extreme = max(1, int(np.rint(quantile * (stop - start))))
        bands.append(Band(start, stop - (index < n_bands), n_extreme))
    return tuple(bands)
