"""A phase vocoder: slower or faster at the same pitch, and from that another pitch at the same length."""

from __future__ import annotations

import numpy as np

from featurekit.resampling import resample

WINDOW_S, OVERLAP = 0.046, 4


def shift_pitch(samples: np.ndarray, sample_rate: int, semitones: float) -> np.ndarray:
    """Pitch times 2^(semitones / 12) at the same length and power: stretched by that factor, then played as much faster.

    Parameters
    ----------
    samples : np.ndarray, shape (n,), float32
        Mono.
    sample_rate : int
        In Hz.
    semitones : float
        Up when positive.

    Returns
    -------
    np.ndarray, shape (n,), float32
    """
    factor = 2.0 ** (semitones / 12)
    if factor == 1.0:
        return samples
    window = 2 ** round(np.log2(WINDOW_S * sample_rate))
    stretched = stretch(samples, 1 / factor, window)
    played = resample(stretched, sample_rate * factor, sample_rate).astype(np.float32, copy=False)
    result = np.zeros(len(samples), dtype=np.float32)
    n = min(len(result), len(played))
    result[:n] = played[:n]
    # Neighbouring bins of one partial drift apart in phase and cost up to 1.5 dB.
    before, after = (float(np.mean(np.square(one, dtype=np.float64))) for one in (samples, result))
    return result * np.float32(np.sqrt(before / after)) if after > 0 else result


def stretch(samples: np.ndarray, rate: float, window: int = 2048) -> np.ndarray:
    """The same pitch, ``rate`` times as fast.

    Frames of the spectrum are read ``rate`` hops apart, magnitudes between two frames linearly; each bin's phase goes on by
    as much as it went on between these frames (Flanagan and Golden 1966; Laroche and Dolson 1999 without phase locking).

    Parameters
    ----------
    samples : np.ndarray, shape (n,)
        Mono.
    rate : float
        2 halves the length.
    window : int
        Samples of a frame; the hop is a quarter.

    Returns
    -------
    np.ndarray, shape (about n / rate,), float32
    """
    hop = window // OVERLAP
    shape = np.hanning(window + 1)[:-1]
    padded = np.pad(np.asarray(samples, dtype=np.float64), (window // 2, window + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    spectra = np.fft.rfft(frames * shape, axis=1)
    places = np.arange(0, (len(samples) / hop), rate)
    places = places[places < len(spectra) - 1]
    at = places.astype(np.int64)
    weight = (places - at)[:, None]
    magnitudes = (1 - weight) * np.abs(spectra[at]) + weight * np.abs(spectra[at + 1])
    expected = 2 * np.pi * hop * np.arange(spectra.shape[1]) / window
    advance = np.angle(spectra[at + 1]) - np.angle(spectra[at]) - expected
    advance = expected + advance - 2 * np.pi * np.round(advance / (2 * np.pi))
    phases = np.angle(spectra[:1]) + np.concatenate([np.zeros((1, spectra.shape[1])), np.cumsum(advance[:-1], axis=0)])
    pieces = np.fft.irfft(magnitudes * np.exp(1j * phases), n=window, axis=1) * shape
    total = np.zeros(hop * (len(pieces) - 1) + window)
    weights = np.zeros_like(total)
    for number, piece in enumerate(pieces):
        total[number * hop : number * hop + window] += piece
        weights[number * hop : number * hop + window] += shape**2
    total /= np.maximum(weights, 1e-3)
    return total[window // 2 : window // 2 + round(len(samples) / rate)].astype(np.float32)
