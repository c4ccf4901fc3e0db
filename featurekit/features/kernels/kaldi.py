"""Kaldi's frames: mirrored ends, mean removed, pre-emphasised, windowed, one by one."""

from __future__ import annotations

import numpy as np

from featurekit.features.kernels.cache import njit


@njit(cache=True, error_model="numpy")
def kaldi_frames(padded: np.ndarray, window: np.ndarray, hop_length: int, preemphasis: float, frames: np.ndarray) -> None:
    """Write frames into ``frames`` (n_frames, n_fft); what lies behind the window stays as it is.

    ``y = x - mean(x)``, then ``z[0] = (1 - a) y[0]``, ``z[m] = y[m] - a y[m - 1]``, then ``window * z``.
    """
    length = len(window)
    for index in range(len(frames)):
        held, frame = padded[index * hop_length : index * hop_length + length], frames[index]
        mean = 0.0
        for sample in range(length):
            mean += held[sample]
        mean /= length
        frame[0] = window[0] * (1.0 - preemphasis) * (held[0] - mean)
        before, now, taper, rest = held[: length - 1], held[1:], window[1:], frame[1:length]
        offset = (1.0 - preemphasis) * mean
        for sample in range(length - 1):
            rest[sample] = taper[sample] * (now[sample] - preemphasis * before[sample] - offset)


def kaldi_frames_plain(padded: np.ndarray, window: np.ndarray, hop_length: int, preemphasis: float, frames: np.ndarray) -> None:
    """The same in numpy."""
    held = np.lib.stride_tricks.sliding_window_view(padded, len(window))[::hop_length][: len(frames)]
    held = held - held.mean(axis=1, keepdims=True)
    before = np.concatenate([held[:, :1], held[:, :-1]], axis=1)
    frames[:, : len(window)] = window * (held - preemphasis * before)
