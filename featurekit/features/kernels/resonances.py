"""Resonances: frequency and bandwidth of each pair of poles of the linear prediction of each frame."""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.burg import burg_frame
from featurekit.features.kernels.cache import njit
from featurekit.features.kernels.roots import polynomial_roots

MARGIN_HZ = 50.0  # poles this near to 0 Hz or to the top are no resonances


@njit(cache=True, error_model="numpy")
def resonances(signal: np.ndarray, starts: np.ndarray, window: np.ndarray, n_formants: int, top_hz: float) -> np.ndarray:
    """Frequencies, ascending, then their bandwidths, in Hz, 0 where missing [shape=(2 * n_formants, frames), float64].

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,), float64]
    starts : np.ndarray [shape=(frames,), int64]
        First sample of each frame.
    window : np.ndarray [shape=(samples a frame,)]
    n_formants : int
        Half the order of the prediction.
    top_hz : float
        Half the sample rate.
    """
    out = np.zeros((2 * n_formants, len(starts)))
    frame = np.empty(len(window))
    for index in range(len(starts)):
        heard = signal[starts[index] : starts[index] + len(window)]
        for sample in range(len(window)):
            frame[sample] = window[sample] * heard[sample]
        roots = polynomial_roots(burg_frame(frame, 2 * n_formants))
        found = 0
        for root in roots:
            if root.imag <= 0:  # the other of a pair, or no resonance
                continue
            hz = np.arctan2(root.imag, root.real) / np.pi * top_hz
            if MARGIN_HZ <= hz <= top_hz - MARGIN_HZ:
                place = found  # insertion keeps them in order
                while place > 0 and out[place - 1, index] > hz:
                    out[place, index] = out[place - 1, index]
                    out[n_formants + place, index] = out[n_formants + place - 1, index]
                    place -= 1
                radius = abs(root)
                out[place, index] = hz
                # A pole outside the unit circle, by rounding, is taken for its mirror image inside.
                out[n_formants + place, index] = abs(np.log(radius)) / np.pi * 2 * top_hz
                found += 1
    return out
