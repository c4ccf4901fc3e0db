"""One recording, a file or an array of samples, and its features: what a notebook asks for before there is a store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from featurekit import audio
from featurekit.errors import ParameterError
from featurekit.features import Value
from featurekit.features import extract as of_samples
from featurekit.features.plan import float_signal

DEFAULT_FEATURES = "luo2019"


def extract(
    samples: np.ndarray | str | os.PathLike[str],
    sample_rate: float | str | Sequence[str] | None = None,
    features: str | Sequence[str] | None = None,
    *,
    sr: float | None = None,
) -> dict[str, Value]:
    """Features of one recording, resampled to each rate that is asked for.

    Parameters
    ----------
    samples : np.ndarray [shape=(samples,)], or path
        Mono samples: floats, or integers of 8, 16 or 32 bits, which are divided by their type's full scale. Or an audio
        file, whose channels are mixed down.
    sample_rate : number
        Of ``samples``, in Hz. A file has its own, and the features may stand here.
    features : str or sequence of str
        A request, as ``--features`` takes it, or several; luo2019 by default.
    sr : number
        librosa's word for ``sample_rate``.

    Returns
    -------
    dict
        Column name → float32 array (frames, dims), float32 (1, dims) for a vector, ImageArray for an image.

    Raises
    ------
    ParameterError
        When ``samples`` is not one-dimensional, is empty, is of another type, holds NaN or infinities, or is so loud that a
        feature does; when a rate is missing or no positive number.
    AudioError
        When the file is no usable audio.
    UnknownNameError
        For a feature, preset or setting that does not exist.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    >>> extract(tone, sr=16000, features="spectral_centroid")["spectral_centroid"][30].round().tolist()
    [440.0]
    """
    if features is None and isinstance(sample_rate, (str, Sequence)):
        features, sample_rate = sample_rate, None  # extract(path, "luo2019")
    signal = heard(samples, sample_rate, sr)
    return of_samples(signal.samples, signal.sample_rate, DEFAULT_FEATURES if features is None else features)


def heard(source: Any, sample_rate: Any = None, sr: Any = None) -> audio.Signal:
    """A file, or samples and their rate, as one signal at its own rate.

    Parameters
    ----------
    source : path or array
        As :func:`extract` takes it.
    sample_rate, sr : number
        Two words for one thing.

    Raises
    ------
    ParameterError, AudioError
        As :func:`extract`.
    """
    if sr is not None and sample_rate not in (None, sr):
        raise ParameterError(f"sample_rate is {sample_rate!r} and sr is {sr!r}: two words for one rate; give one of them")
    rate: Any = sample_rate if sr is None else sr
    _check_rate(rate)
    if isinstance(source, (str, os.PathLike)):
        if rate is not None:
            raise ParameterError(f"{os.fspath(source)} is a file, which has its own rate; leave sample_rate out (got {rate!r})")
        return audio.decode(os.fspath(source))
    _refuse_several(source)
    if rate is None:
        raise ParameterError("samples need their rate in Hz, as in (samples, 16000) or sr=16000; a path to a file needs none")
    return audio.Signal(float_signal(source, rate), rate, rate)


def _check_rate(rate: Any) -> None:
    if not isinstance(rate, (int, float, np.integer, np.floating, type(None))):
        raise ParameterError(
            f"sample_rate is a {type(rate).__name__}; expected a number of Hz, as in extract(samples, 16000, 'luo2019')"
        )


def _refuse_several(source: Any) -> None:
    """What is no single recording: several files, or the pair that a reader of audio returns."""
    if isinstance(source, (list, tuple)) and any(isinstance(item, (str, os.PathLike)) for item in source):
        raise ParameterError(f"expected one recording at a time, got {len(source)} paths; take them in a loop")
    if isinstance(source, (list, tuple)) and any(isinstance(item, np.ndarray) and item.ndim for item in source):
        raise ParameterError(
            "expected samples, got a pair with an array in it; librosa.load returns (samples, rate): hand both on, "
            "as in extract(*librosa.load(path))"
        )
    if not isinstance(source, (list, tuple)) and not hasattr(source, "__array__"):
        raise ParameterError(f"expected an array of samples or a path, got {type(source).__name__}")
