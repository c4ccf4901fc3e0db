"""Windows: periodic Hann, and the Gaussian of Praat's analyses."""

from __future__ import annotations

import functools

import numpy as np


def periodic_hann(length: int) -> np.ndarray:
    """``0.5 - 0.5 cos(2 pi m / length)`` [shape=(length,), float64], to the last bit scipy's ``get_window("hann", length)``.

    scipy.signal takes half a second to import, which every fresh process would wait for.
    """
    if length == 1:
        return np.ones(1)
    angle = np.linspace(-np.pi, np.pi, length + 1)[:-1]
    window: np.ndarray = 0.5 + 0.5 * np.cos(angle)
    return window


@functools.lru_cache(maxsize=16)
def gaussian(half: int) -> np.ndarray:
    """``exp(-12 x^2)`` with x from -1 to 1, lowered to end at 0 [shape=(2 * half,), read-only].

    Its middle half holds what counts: an effective length of ``half`` samples. A Gaussian's autocorrelation and spectrum
    have no side lobes, so that what is measured under it is the signal's own.
    """
    distance = (np.arange(2 * half) - half + 0.5) / (half + 0.5)
    window = (np.exp(-12 * distance**2) - np.exp(-12)) / (1 - np.exp(-12))
    window.flags.writeable = False
    return window
